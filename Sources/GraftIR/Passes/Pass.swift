/// A change of a graph that keeps its inputs and what its outputs and boundaries hold.
public struct Pass: Sendable {
  /// What it does, as its file is called: `FoldConstants`.
  public let name: String
  /// The changed graph, of a valid one.
  let transform: @Sendable (Graph) -> Graph

  /// A pass called `name`.
  package init(_ name: String, transform: @escaping @Sendable (Graph) -> Graph) {
    self.name = name
    self.transform = transform
  }

  /// What a traced program goes through, in order, before anybody reads it.
  ///
  /// Constants are folded first, since what made them is unused then.
  public static let lowering: [Pass] = [.foldConstants, .removeUnusedNodes]

  /// What a graph goes through, in order, before it is laid out to run. Constants too large for a text are worked out
  /// there, once, by the kernels that run everything else.
  public static let planning: [Pass] = [.removeUnusedNodes]
}

extension Graph {
  /// The graph after `passes`, in order, verified before them and after each.
  ///
  /// - Throws: what `verify` does for this graph; `graph.pass`, which names the pass, for what a pass made of it.
  public func applying(_ passes: [Pass]) throws(Diagnostic) -> Graph {
    try verify()
    var graph = self
    for pass in passes {
      graph = pass.transform(graph)
      do { try graph.verify() } catch { throw Diagnostic(pass, broke: error, of: name) }
    }
    return graph
  }
}

extension Program {
  /// The program with each graph after `passes`, in order, verified before them and after each.
  ///
  /// - Throws: as `Graph.applying` does.
  public func applying(_ passes: [Pass]) throws(Diagnostic) -> Program {
    try verify()
    var program = self
    for pass in passes {
      program.graphs = program.graphs.map(pass.transform)
      do { try program.verify() } catch {
        throw Diagnostic(pass, broke: error, of: graphs.map(\.name).joined(separator: "', '"))
      }
    }
    return program
  }
}

extension Diagnostic {
  /// That `pass` left graphs that break a rule.
  fileprivate init(_ pass: Pass, broke error: Diagnostic, of graphs: String) {
    self.init(
      "graph.pass", "pass '\(pass.name)' breaks '\(error.rule)' in '\(graphs)': \(error.message)",
      help: "this is a mistake in graft, not in what it was given", category: .defect)
  }
}
