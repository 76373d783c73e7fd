import GraftFormats
import GraftIR

/// What a file's tensors are called in the model, told from a layout's names alone: enough to recognise the model.
///
/// Which formula holds for them is worked out from the model, once it is known.
struct LayoutTranslation {
  /// Tensors by the model's names, with their shapes.
  private(set) var tensors: [(name: String, shape: Shape)] = []
  /// Tensors whose shapes the model has to tell.
  private(set) var unshaped: [String] = []
  /// How many tensors of the file some line names.
  private(set) var matchCount = 0
  /// A tensor that the file lacks beside others of the same formula, and the model's tensor that it is a part of.
  private(set) var missing: (name: String, owner: String)?

  init(_ entries: [(name: String, shape: Shape)], _ lines: LayoutLines, _ evaluator: Evaluator) {
    let table = LineTable(lines)
    var known: Set<String> = []
    var groups: [Group: [Int: Shape]] = [:]
    var order: [Group] = []
    for entry in entries {
      guard let match = table.line(of: entry.name) else {
        if known.insert(entry.name).inserted { tensors.append(entry) }
        continue
      }
      matchCount += 1
      let line = lines.lines[match.line]
      let rest = match.rest.joined(separator: ".")
      if line.formula == nil {
        guard let owner = line.operands[0].filled(match.indices) else { continue }
        let name = rest.isEmpty ? owner : owner + "." + rest
        if known.insert(name).inserted { tensors.append((name, entry.shape)) }
        continue
      }
      let owners = line.operands.compactMap { $0.filled(match.indices) }
      let group = Group(line: match.line, owners: owners, rest: rest, indices: match.indices)
      if groups[group] == nil { order.append(group) }
      groups[group, default: [:]][match.name] = entry.shape
    }
    for group in order {
      let line = lines.lines[group.line]
      let found = groups[group] ?? [:]
      let shapes = line.names.indices.compactMap { found[$0] }
      let owners = group.owners.map { group.rest.isEmpty ? $0 : $0 + "." + group.rest }
      if shapes.count < line.names.count {
        let lacking = line.names.indices.first { found[$0] == nil } ?? 0
        if missing == nil, let name = line.names[lacking].filled(group.indices), let owner = owners.first {
          missing = (group.rest.isEmpty ? name : name + "." + group.rest, owner)
        }
        continue
      }
      let solved = line.formula.flatMap { $0.operandShapes(of: shapes, evaluator) } ?? [:]
      for (number, owner) in owners.enumerated() where known.insert(owner).inserted {
        if let shape = solved[LayoutLine.operandName(number)] {
          tensors.append((owner, shape))
        } else {
          unshaped.append(owner)
        }
      }
    }
  }

  private struct Group: Hashable {
    let line: Int
    let owners: [String]
    let rest: String
    let indices: [String: String]
  }

  /// The names of all lines, by how their first step is spelled.
  private struct LineTable {
    private var byFirst: [String: [(line: Int, name: Int, pattern: LayoutName)]] = [:]

    init(_ lines: LayoutLines) {
      for (number, line) in lines.lines.enumerated() {
        for (place, name) in line.names.enumerated() {
          guard case .plain(let first)? = name.steps.first else { continue }
          byFirst[first, default: []].append((number, place, name))
        }
      }
      for first in byFirst.keys {
        // The longest name is the most specific.
        byFirst[first]?.sort { ($1.pattern.steps.count, $0.line, $0.name) < ($0.pattern.steps.count, $1.line, $1.name) }
      }
    }

    func line(of name: String) -> (line: Int, name: Int, indices: [String: String], rest: [Substring])? {
      let steps = name.split(separator: ".", omittingEmptySubsequences: false)
      guard let first = steps.first else { return nil }
      for candidate in byFirst[String(first)] ?? [] {
        if let match = candidate.pattern.match(steps) {
          return (candidate.line, candidate.name, match.indices, match.rest)
        }
      }
      return nil
    }
  }
}

extension Expression {
  /// The shapes that the operands of a layout's formula have, where its values have `shapes`; those that cannot be told
  /// without the model are left out.
  fileprivate func operandShapes(of shapes: [Shape], _ evaluator: Evaluator) -> [String: Shape] {
    switch kind {
    case .name(let name): return shapes.count == 1 ? [name: shapes[0]] : [:]
    case .list(let items):
      var result: [String: Shape] = [:]
      if items.count == shapes.count {
        for (item, shape) in zip(items, shapes) {
          result.merge(item.operandShapes(of: [shape], evaluator)) { old, _ in old }
        }
      }
      return result
    case .call(let callee, let arguments):
      guard let name = callee.dottedName, let inner = arguments.first?.value, let first = shapes.first else {
        return [:]
      }
      func number(_ label: String, _ position: Int) -> Expression? {
        let positional = arguments.filter { $0.label == nil }
        return arguments.first { $0.label?.text == label }?.value
          ?? (positional.count > position ? positional[position].value : nil)
      }
      func integers(_ expression: Expression?) -> [Int]? {
        guard let expression else { return nil }
        let environment = Environment(scope: .bare, place: .compileTime)
        guard let datum = try? evaluator.evaluate(expression, environment) else { return nil }
        var result: [Int] = []
        for entry in datum.entries ?? [datum] {
          guard case .number(let number) = entry, let whole = number.whole else { return nil }
          result.append(whole)
        }
        return result
      }
      switch name {
      case "split", "concat":
        guard let given = integers(number("axis", name == "split" ? 2 : 1))?.first else { return [:] }
        let axis = given < 0 ? given + first.rank : given
        guard first.axes.indices.contains(axis) else { return [:] }
        var axes = first.axes
        if name == "split" {
          guard shapes.allSatisfy({ $0.rank == first.rank }) else { return [:] }
          axes[axis] = shapes.reduce(0) { $0.addingClamped($1.axes[axis]) }
          return inner.operandShapes(of: [Shape(axes)], evaluator)
        }
        // Without the model, what was joined was of equal parts.
        guard shapes.count == 1, case .list(let items) = inner.kind, !items.isEmpty, axes[axis] % items.count == 0
        else {
          return [:]
        }
        axes[axis] /= items.count
        return inner.operandShapes(of: items.map { _ in Shape(axes) }, evaluator)
      case "transpose":
        guard shapes.count == 1, let order = integers(number("perm", 1)), order.sorted() == Array(first.axes.indices)
        else {
          return [:]
        }
        var axes = first.axes
        for (place, axis) in order.enumerated() { axes[axis] = first.axes[place] }
        return inner.operandShapes(of: [Shape(axes)], evaluator)
      case "reverse": return inner.operandShapes(of: shapes, evaluator)
      default: return [:]
      }
    case .number, .text, .bool, .comprehension, .range, .member, .members, .index, .unary, .binary, .conditional,
      .shared, .starting, .tuple:
      return [:]
    }
  }
}
