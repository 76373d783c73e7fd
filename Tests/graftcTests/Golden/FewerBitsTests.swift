import Foundation
import GraftIR
import GraftRunner
import Testing

/// How far predictions move where linear layers hold their weights in fewer bits.
@Suite struct FewerBitsTests {
  /// Bounds of the relative L2 distance: what the project promises of int8, and twice what was seen of the others.
  @Test(
    "The trained model's predictions stay near those of f32",
    arguments: [
      (WeightType.bf16, 0.004), (.f16, 0.0005), (.int8, 0.02),
    ])
  func predictions(_ weights: WeightType, _ bound: Double) throws {
    let opened = try openModel(Golden.shapesModel)
    let graph = try #require(opened.program.graph(named: "forward"))
    let x = try #require(graph.inputs.first { $0.name == "x" })
    let shape = try #require(graph.type(of: x.value).shape(batch: 4))
    var random = TorchRandom(seed: 3)
    let count = try #require(shape.elementCount)
    let inputs = [
      "x": Tensor(random.normals(count), shape), "t": Tensor([999, 600, 200, 10], [4]),
      "y": Tensor(.i64, [4], doubles: [0, 3, 7, 9]),
    ]
    func prediction(_ weights: WeightType) throws -> [Float] {
      let model = Model(opened.program, weights: weights) { name throws(Diagnostic) in try opened.tensor(name) }
      return try model.run(inputs: inputs)[0].tensor.floats
    }
    let (exact, found) = (try prediction(.f32), try prediction(weights))
    let difference = zip(exact, found).reduce(0.0) { $0 + pow(Double($1.0) - Double($1.1), 2) }
    let size = exact.reduce(0.0) { $0 + pow(Double($1), 2) }
    let distance = (difference / size).squareRoot()
    #expect(distance > 0 && distance < bound, "\(weights): \(distance)")
  }
}
