public import GraftFormats
import GraftIR

/// A model's figures: in total, and by operator so that the rows add up to the totals.
public struct ModelSummary: Sendable, Hashable {
  /// One part of the model.
  public struct Row: Sendable, Hashable {
    /// As a graft writes it: `blocks[3].attn`.
    public let path: String
    /// The operator's name.
    public let `operator`: String
    /// The operator's arguments, as a person reads them.
    public let arguments: String
    /// The same as a JSON object.
    public let argumentValues: JSON
    /// The elements of its tensors.
    public let parameters: Int
    /// Its products, for one sample.
    public let macs: Int
    /// The same by the formula of the operator's paper, where the operator states one.
    public let published: PublishedCost?
  }

  /// The figures of all parts that are one operator.
  public struct Total: Sendable, Hashable {
    /// The operator's name.
    public let `operator`: String
    /// How many parts it is.
    public let parts: Int
    /// The elements of their tensors.
    public let parameters: Int
    /// Their products, for one sample.
    public let macs: Int
  }

  /// The model's name.
  public let name: String
  /// The elements of all tensors.
  public let parameters: Int
  /// Products of linear layers, convolutions, attention and scan, for one sample of `forward`.
  public let macs: Int
  /// The bytes of the parameters, as they are emitted.
  public let bytes: Int
  /// The entries of the main list.
  public let depth: Int
  /// The model's parts, in order; their sums are the totals.
  public let operators: [Row]

  /// The parts of each operator together, in order of first use.
  public var totals: [Total] {
    var order: [String] = []
    var rows: [String: [Row]] = [:]
    for row in operators {
      if rows[row.operator] == nil { order.append(row.operator) }
      rows[row.operator, default: []].append(row)
    }
    return order.map { name in
      let parts = rows[name] ?? []
      return Total(
        operator: name, parts: parts.count, parameters: parts.reduce(0) { $0.addingClamped($1.parameters) },
        macs: parts.reduce(0) { $0.addingClamped($1.macs) })
    }
  }
}

extension ModelSummary {
  /// The figures of `module`, whose `forward` is `graph`, with tensors of the given types; `published` is what
  /// operators cost by their papers' count, by path.
  init(
    _ module: Module, _ graph: Graph, types: EmittedTypes = EmittedTypes(), published: [String: PublishedCost] = [:]
  ) {
    var macs: [String: Int] = [:]
    var all: [String: Int] = [:]
    var total = 0
    for node in graph.nodes {
      let work = graph.multiplyAdds(of: node, batch: 1)
      if work == 0 { continue }
      macs[node.path] = work.addingClamped(macs[node.path] ?? 0)
      total = total.addingClamped(work)
      var path = node.path[...]
      while !path.isEmpty {
        all[String(path)] = work.addingClamped(all[String(path)] ?? 0)
        path = path.lastIndex(of: ".").map { path[..<$0] } ?? ""
      }
    }
    var rows: [Row] = []
    func below(_ path: String) -> Int { all[path] ?? 0 }
    // A tensor that several parts share counts where it comes first.
    var counted: Set<ObjectIdentifier> = []
    // What a block does beside its parts is no whole operator, which is what a formula speaks of.
    func row(_ path: [String], _ module: Module, parameters: Int, macs: Int, isWhole: Bool = true) {
      rows.append(
        Row(
          path: spelledPath(path), operator: module.operatorName,
          arguments: module.argumentsText, argumentValues: module.argumentValues,
          parameters: parameters, macs: macs, published: isWhole ? published[path.joined(separator: ".")] : nil))
    }
    // The parts of each block are rows, whatever list or level the block stands in; what a block does itself is
    // a row where it is anything.
    func visit(_ path: [String], _ module: Module, isBlock: Bool) {
      let name = path.joined(separator: ".")
      if module.isList {
        for (part, inner) in module.parts { visit(path + [part], inner, isBlock: true) }
        return
      }
      if isBlock {
        let parameters = module.ownParameterCount(besides: &counted)
        let work = macs[name] ?? 0
        if parameters > 0 || work > 0 || module.parts.isEmpty {
          row(path, module, parameters: parameters, macs: work, isWhole: module.parts.isEmpty)
        }
        for (part, inner) in module.parts {
          if module.isParallel && inner.isList {
            visit(path + [part], inner, isBlock: true)
          } else {
            row(
              path + [part], inner, parameters: inner.parameterCount(besides: &counted),
              macs: below((path + [part]).joined(separator: ".")))
          }
        }
        return
      }
      row(path, module, parameters: module.parameterCount(besides: &counted), macs: below(name))
    }
    let ownParameters = module.ownParameterCount(besides: &counted)
    if ownParameters > 0 || macs[""] != nil {
      row([], module, parameters: ownParameters, macs: macs[""] ?? 0, isWhole: module.parts.isEmpty)
    }
    for (part, inner) in module.parts { visit([part], inner, isBlock: false) }

    name = module.operatorName
    parameters = module.parameterCount
    self.macs = total
    bytes = types.byteCount(of: module)
    depth = module.depth
    operators = rows
  }
}

extension Module {
  /// The arguments for a person: `width: 64, heads: 4`.
  var argumentsText: String {
    arguments.map { "\($0.label): \(openArguments.contains($0.label) ? "?" : $0.value.summary)" }.joined(
      separator: ", ")
  }

  /// The arguments for a program, numbers as numbers, and null for what is open.
  var argumentValues: JSON {
    .object(
      arguments.map { JSON.Member($0.label, openArguments.contains($0.label) ? .null : $0.value.report) })
  }
}

extension ModuleParameter {
  /// The type that its values have where they are now; what is computed is single precision.
  var dtype: DType {
    if let weight, weight.isMoved { return weight.type.dtype }
    return .f32
  }
}

extension Datum {
  /// The value as reports give it: what is no plain value as its text, or null.
  fileprivate var report: JSON {
    switch self {
    case .number(let number):
      if let whole = number.whole { return .int(whole) }
      return number.double.map { .number($0) } ?? .text(number.description)
    case .bool(let value): return .bool(value)
    case .list(let values): return .list(values.map(\.report))
    case .text, .word, .dtype, .record, .tuple, .tensor, .distribution, .operation, .selection, .module, .function,
      .part:
      return interpolated.map { .text($0) } ?? .null
    }
  }
}
