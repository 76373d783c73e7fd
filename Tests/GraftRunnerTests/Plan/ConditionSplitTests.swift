import GraftIR
import GraftRunner
import Testing

@Suite struct ConditionSplitTests {
  @Test("A function in two parts gives what it gives whole, the first part for many steps at once")
  func parts() throws {
    let network = SmallDiT()
    var program = try network.program()
    let parameters = network.parameters(of: program.graphs[0])
    let split = try #require(ConditionSplit(program.graphs[0], conditionInputs: ["t", "y"]))
    // Six modulations a layer and two at the end; what is left reads none of the weights that make them.
    #expect(split.conditions.count == network.layers * 6 + 2)
    #expect(split.byteCount(rows: 3) == split.conditions.count * 3 * network.width * 4)
    let left = split.rest.parameters.map(\.name)
    #expect(!left.isEmpty && left.allSatisfy { !$0.contains("adaLN") && !$0.hasPrefix("t.") && !$0.hasPrefix("y_") })
    #expect(split.first.parameters.count + split.rest.parameters.count == program.graphs[0].parameters.count)

    program.graphs += [split.first, split.rest]
    try program.verify()
    let model = Model(program) { name throws(Diagnostic) in
      guard let tensor = parameters[name] else { throw Diagnostic("test.parameter", "no '\(name)'") }
      return tensor
    }
    let steps = (0..<4).map { network.inputs(batch: 2, seed: 100 + UInt64($0)) }
    func joined(_ name: String) throws -> Tensor {
      let values = try steps.flatMap { try #require($0[name]).doubles }
      return Tensor(.i64, [values.count], doubles: values)
    }
    let conditions = try model.run(
      function: split.first.name, inputs: ["t": joined("t"), "y": joined("y")])
    for (index, step) in steps.enumerated() {
      var inputs = step
      for (name, tensor) in conditions {
        let size = tensor.elementCount / steps.count
        var axes = tensor.shape.axes
        axes[0] = 2
        inputs[name] = Tensor(Array(tensor.floats[index * size..<(index + 1) * size]), Shape(axes))
      }
      let whole = try model.run(inputs: step)[0].tensor
      let rest = try model.run(function: split.rest.name, inputs: inputs)[0].tensor
      // A layer of eight rows sums in another order than one of two.
      expect(rest, near: whole, .ulpsOfLargest(64), "step \(index)")
    }
  }

  @Test("What mixes the rows of a batch is no part of the condition")
  func mixing() throws {
    func split(reversing: Bool) throws -> ConditionSplit? {
      var b = GraphBuilder(name: "forward")
      let x = b.input("x", TensorType(.f32, [.batch(), 4]))
      let time = b.input("t", TensorType(.f32, [.batch()]))
      let weight = b.parameter("weight", TensorType(.f32, [4, 1]))
      let times = reversing ? try b.node(.reverse, [time], ["axis": .int(0)])[0] : time
      let columns = try b.node(.reshape, [times], ["shape": .dimensions([.batch(), 1])])[0]
      let condition = try b.node(.linear, [columns, weight])[0]
      b.output("y", try b.node(.add, [x, condition])[0])
      return ConditionSplit(b.graph, conditionInputs: ["t"])
    }
    #expect(try split(reversing: false)?.conditions.count == 1)
    #expect(try split(reversing: true) == nil)
  }
}
