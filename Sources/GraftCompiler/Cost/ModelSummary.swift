import GraftIR

/// A model's figures: in total, and by operator so that the rows add up to the totals.
public struct ModelSummary: Sendable, Hashable {
  /// One part of the model.
  public struct Row: Sendable, Hashable {
    public let path: String
    public let `operator`: String
    public let arguments: String
    public let parameters: Int
    public let macs: Int
  }

  public let name: String
  public let parameters: Int
  /// Products of linear layers, convolutions, attention and scan, for one sample of `forward`.
  public let macs: Int
  /// Of the parameters, as they are emitted.
  public let bytes: Int
  public let depth: Int
  public let operators: [Row]
}

extension ModelSummary {
  /// The figures of `module`, whose `forward` is `graph`; `bytes` of a tensor as `width` gives it by name.
  init(_ module: Module, _ graph: Graph, bytesPerElement: (String) -> Int) {
    // The work of each path alone, and together with what is below it.
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
    var bytes = 0
    module.forEachParameter { name, parameter in
      let count = parameter.shape.elementCount ?? .max
      bytes = bytes.addingClamped(count.multipliedClamped(by: bytesPerElement(name)))
    }

    var rows: [Row] = []
    func below(_ path: String) -> Int { all[path] ?? 0 }
    func own(_ module: Module) -> Int {
      module.parameters.reduce(0) { $0.addingClamped($1.shape.elementCount ?? .max) }
    }
    func row(_ path: [String], _ module: Module, parameters: Int, macs: Int) {
      rows.append(
        Row(
          path: spelledPath(path), operator: module.operatorName,
          arguments: module.arguments.map { "\($0.label): \($0.value.summary)" }.joined(separator: ", "),
          parameters: parameters, macs: macs))
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
        let parameters = own(module)
        let work = macs[name] ?? 0
        if parameters > 0 || work > 0 || module.parts.isEmpty { row(path, module, parameters: parameters, macs: work) }
        for (part, inner) in module.parts {
          if module.isParallel && inner.isList {
            visit(path + [part], inner, isBlock: true)
          } else {
            row(
              path + [part], inner, parameters: inner.parameterCount,
              macs: below((path + [part]).joined(separator: ".")))
          }
        }
        return
      }
      row(path, module, parameters: module.parameterCount, macs: below(name))
    }
    let ownParameters = own(module)
    if ownParameters > 0 || macs[""] != nil { row([], module, parameters: ownParameters, macs: macs[""] ?? 0) }
    for (part, inner) in module.parts { visit([part], inner, isBlock: false) }

    name = module.operatorName
    parameters = module.parameterCount
    self.macs = total
    self.bytes = bytes
    depth = module.depth
    operators = rows
  }
}
