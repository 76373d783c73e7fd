import GraftFormats
import GraftIR
import Testing

import GraftCompiler

/// A compiled graft whose weights are drawn and worked out, to be run by the reference evaluation.
struct Evaluated {
  let weights: [String: Tensor]
  let graph: Graph

  init(_ compiled: Compiled, sourceLocation: SourceLocation = #_sourceLocation) throws {
    #expect(compiled.diagnostics.map(\.message) == [], sourceLocation: sourceLocation)
    let graft = try #require(compiled.grafts.first, sourceLocation: sourceLocation)
    var weights: [String: Tensor] = [:]
    for planned in try graft.weightPlan(for: nil).tensors {
      // What a checkpoint would hold: single precision.
      let tensor = try planned.expression.evaluate([])
      weights[planned.name] = Tensor(.f32, tensor.shape, doubles: tensor.doubles)
    }
    self.weights = weights
    graph = try #require(try graft.program().graphs.first, sourceLocation: sourceLocation)
  }

  func values(_ name: String) throws -> [Double] { try #require(weights[name], "\(name)").doubles }

  /// What the model makes of seeded pictures; two of them.
  func out() throws -> Tensor {
    let x = Draw(.normal(mean: 0, deviation: 1), seed: 9, stream: "x").tensor([2, 4, 4, 4])
    let inputs = ["x": x, "t": Tensor([3, 700], [2]), "y": Tensor(.i64, [2], integers: [0, 3])]
    return try #require(try graph.evaluate(inputs: inputs, parameters: weights).outputs["out"])
  }
}
