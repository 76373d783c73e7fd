/// The canonical spelling of `expression` on one line, for messages and metadata.
///
/// Parsing it gives the same expression again.
package func text(of expression: Expression) -> String {
  var printer = Printer()
  printer.write(expression, in: .whole)
  return printer.result
}

private struct Printer {
  /// How tightly the surroundings bind; what binds less stands in parentheses.
  enum Level: Int {
    case whole, or, and, not, comparison, range, sum, product, minus, power, start, path
  }

  var result = ""

  mutating func write(_ expression: Expression, in level: Level) {
    let needsParentheses = Self.level(expression.kind).rawValue < level.rawValue
    if needsParentheses { result += "(" }
    writeKind(expression.kind)
    if needsParentheses { result += ")" }
  }

  static func level(_ kind: Expression.Kind) -> Level {
    switch kind {
    case .number, .text, .bool, .name, .list, .comprehension, .call, .member, .members, .index, .tuple: .path
    case .shared, .starting: .start
    case .range: .range
    case .unary(.minus, _): .minus
    case .unary(.not, _): .not
    case .binary(let operation, _, _, _): level(operation)
    case .conditional: .whole
    }
  }

  static func level(_ operation: Expression.BinaryOperator) -> Level {
    switch operation {
    case .or: .or
    case .and: .and
    case .equal, .notEqual, .less, .lessOrEqual, .greater, .greaterOrEqual, .in, .notIn, .is, .isNot: .comparison
    case .add, .subtract: .sum
    case .multiply, .divide, .remainder: .product
    case .power: .power
    }
  }

  mutating func writeKind(_ kind: Expression.Kind) {
    switch kind {
    case .number(let text): result += text
    case .text(let parts): write(parts)
    case .bool(let value): result += value ? "true" : "false"
    case .name(let name): result += name
    case .list(let items):
      result += "["
      write(items)
      result += "]"
    case .tuple(let items):
      result += "("
      write(items)
      // One value in parentheses is no tuple, unless a comma says so.
      result += items.count == 1 ? ",)" : ")"
    case .comprehension(let value, let binding):
      result += "["
      write(value, in: .whole)
      result += " for "
      write(binding)
      result += "]"
    case .range(let lower, let upper, let isClosed, let step):
      write(lower, in: .sum)
      result += isClosed ? "..." : "..<"
      write(upper, in: .sum)
      if let step {
        result += " step "
        write(step, in: .sum)
      }
    case .call(let callee, let arguments):
      write(callee, in: .path)
      result += "("
      for (index, argument) in arguments.enumerated() {
        if index > 0 { result += ", " }
        if let label = argument.label { result += label.text + ": " }
        write(argument.value, in: .whole)
      }
      result += ")"
    case .member(let whole, let name):
      write(whole, in: .path)
      result += "." + name.text
    case .members(let whole, let names):
      write(whole, in: .path)
      result += ".{" + names.map(\.text).joined(separator: ", ") + "}"
    case .index(let whole, let items):
      write(whole, in: .path)
      result += "["
      for (index, item) in items.enumerated() {
        if index > 0 { result += ", " }
        switch item {
        case .value(let value): write(value, in: .whole)
        case .binding(let binding): write(binding)
        }
      }
      result += "]"
    case .unary(.minus, let operand):
      result += "-"
      write(operand, in: .minus)
    case .unary(.not, let operand):
      result += "not "
      write(operand, in: .not)
    case .binary(.power, let base, let exponent, _):
      write(base, in: .start)
      result += " ** "
      write(exponent, in: .minus)
    case .binary(let operation, let left, let right, _):
      let level = Self.level(operation)
      // Comparisons stand alone; the others join from the left.
      let tighter = Level(rawValue: level.rawValue + 1) ?? .path
      write(left, in: level == .comparison ? tighter : level)
      result += " \(operation.rawValue) "
      write(right, in: tighter)
    case .conditional(let condition, let yes, let no):
      result += "if "
      write(condition, in: .whole)
      result += " then "
      write(yes, in: .whole)
      result += " else "
      write(no, in: .whole)
    case .shared(let path):
      result += "shared "
      write(path, in: .path)
    case .starting(let value, let start):
      write(value, in: .start)
      result += " starting"
      write(start)
    }
  }

  mutating func write(_ items: [Expression]) {
    for (index, item) in items.enumerated() {
      if index > 0 { result += ", " }
      write(item, in: .whole)
    }
  }

  mutating func write(_ binding: Expression.Binding) {
    result += "\(binding.name.text) in "
    write(binding.list, in: .whole)
    if let condition = binding.condition {
      result += " where "
      write(condition, in: .whole)
    }
  }

  mutating func write(_ start: Start) {
    switch start.base {
    case .fresh(let seed):
      result += " fresh"
      if let seed {
        result += "(seed: "
        write(seed, in: .whole)
        result += ")"
      }
    case .adopted: result += " adopted"
    case .from(let file):
      result += " from "
      write(file, in: .path)
    case nil: break
    }
    if start.base == nil || !start.assignments.isEmpty {
      result += " {"
      for assignment in start.assignments {
        result += " "
        write(assignment.target, in: .path)
        result += " = "
        write(assignment.value, in: .whole)
      }
      result += " }"
    }
  }

  mutating func write(_ parts: [Expression.TextPart]) {
    result += "\""
    for part in parts {
      switch part {
      case .literal(let text):
        for character in text.unicodeScalars {
          switch character {
          case "\n": result += "\\n"
          case "\t": result += "\\t"
          case "\"": result += "\\\""
          case "\\": result += "\\\\"
          default: result.unicodeScalars.append(character)
          }
        }
      case .value(let value):
        result += "\\("
        write(value, in: .whole)
        result += ")"
      }
    }
    result += "\""
  }
}
