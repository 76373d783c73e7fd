import GraftIR
import GraftRunner
import Testing

@Suite struct ModelTests {
  let network = SmallDiT()

  private func model(_ network: SmallDiT, pool: ThreadPool = .process) throws -> Model {
    let program = try network.program()
    let parameters = network.parameters(of: program.graphs[0])
    return Model(program, pool: pool) { name throws(Diagnostic) in
      guard let tensor = parameters[name] else { throw Diagnostic("test.parameter", "no '\(name)'") }
      return tensor
    }
  }

  @Test("A transformer agrees with the reference", arguments: [[-1, -1], [2, 1]])
  func transformer(_ window: [Int]) throws {
    let network = SmallDiT(window: window)
    let graph = try network.graph()
    let inputs = network.inputs(batch: 2)
    let want = try reference(graph, batch: 2, inputs.merging(network.parameters(of: graph)) { first, _ in first })
    let got = try model(network).run(inputs: inputs, trace: ["blocks.0", "blocks.1"])
    #expect(got.map(\.name) == ["eps", "blocks.0", "blocks.1"])
    for (result, named) in zip(got, graph.outputs + graph.boundaries) {
      // Two dozen layers, each adding some ulps of values of order 1.
      expect(result.tensor, near: try #require(want[named.value]), .ulpsOfLargest(100), named.name)
    }
  }

  @Test("Runs are the same bits: repeated, in fresh models, traced or not, whatever ran before")
  func repeats() throws {
    let pool = ThreadPool(threadCount: 2)
    let first = try model(network, pool: pool)
    let inputs = network.inputs(batch: 2)
    let want = try first.run(inputs: inputs)[0].tensor
    _ = try first.run(inputs: network.inputs(batch: 3, seed: 70))
    _ = try first.run(inputs: network.inputs(batch: 2, seed: 71))
    let second = try model(network, pool: pool)
    for got in [
      try first.run(inputs: inputs), try first.run(inputs: inputs, trace: ["blocks.0"]), try second.run(inputs: inputs),
    ] {
      #expect(got[0].tensor.copiedBytes == want.copiedBytes)
    }
  }

  @Test("A batch gives what its pictures give alone")
  func batches() throws {
    let model = try model(network)
    for batch in 1...3 {
      let inputs = network.inputs(batch: batch)
      let together = try model.run(inputs: inputs)[0].tensor
      let size = together.elementCount / batch
      for item in 0..<batch {
        let own = inputs.mapValues { tensor in
          let shape = Shape([1] + tensor.shape.axes.dropFirst())
          let bytes = tensor.byteCount / batch
          return Tensor(tensor.dtype, shape, storage: tensor.storage, offsetInBytes: item * bytes)
        }
        let alone = try model.run(inputs: own)[0].tensor
        let part = Tensor(Array(together.floats[item * size..<(item + 1) * size]), alone.shape)
        expect(part, near: alone, .ulpsOfLargest(100), "picture \(item) of \(batch)")
      }
    }
  }

  @Test("A time step may be a whole number or a float, a label must be whole")
  func inputTypes() throws {
    let model = try model(network)
    var inputs = network.inputs(batch: 2)
    let want = try model.run(inputs: inputs)[0].tensor.floats
    let steps = try #require(inputs["t"])
    inputs["unknown"] = Tensor([1], [1])
    for dtype in [DType.f32, .i32, .f64, .bf16] where dtype != .bf16 {
      inputs["t"] = Tensor(dtype, steps.shape, doubles: steps.doubles)
      #expect(try model.run(inputs: inputs)[0].tensor.floats == want)
    }
    inputs["y"] = Tensor([1, 2], [2])
    #expect(throws: Diagnostic.self) { try model.run(inputs: inputs) }
  }

  @Test("What is wrong with inputs is told by its rule")
  func wrongInputs() throws {
    let model = try model(network)
    func rule(_ change: (inout [String: Tensor]) -> Void) -> String? {
      var inputs = network.inputs(batch: 2)
      change(&inputs)
      do throws(Diagnostic) {
        _ = try model.run(inputs: inputs)
        return nil
      } catch {
        return error.rule
      }
    }
    #expect(rule { _ in } == nil)
    #expect(rule { $0["t"] = nil } == "run.input-missing")
    #expect(rule { $0["t"] = Tensor([1, 2], [2, 1]) } == "run.input-shape")
    #expect(rule { $0["t"] = Tensor([1, 2, 3], [3]) } == "run.batch")
    #expect(rule { $0["x"] = Tensor(zeros: .f32, [2, 4, 9, 8]) } == "run.input-shape")
    #expect(rule { $0["y"] = Tensor([1, 2], [2]) } == "run.input-dtype")
    #expect(rule { $0["y"] = Tensor(.i64, [2], integers: [0, 11]) } == "run.index")
    #expect(rule { $0["y"] = Tensor(.i64, [2], integers: [0, -1]) } == "run.index")
    #expect(throws: Diagnostic.self) { try model.run(function: "backward", inputs: [:]) }
    #expect(throws: Diagnostic.self) { try model.run(inputs: network.inputs(batch: 1), trace: ["blocks.9"]) }
  }

  @Test("Parameters in other types, or unaligned, give what their values give")
  func parameterTypes() throws {
    let program = try network.program()
    let parameters = network.parameters(of: program.graphs[0])
    let inputs = network.inputs(batch: 1)
    func run(_ change: @escaping @Sendable (Tensor) -> Tensor) throws -> [UInt8] {
      let model = Model(program) { name throws(Diagnostic) in change(parameters[name] ?? Tensor([], [0])) }
      return try model.run(inputs: inputs)[0].tensor.copiedBytes
    }
    for dtype in [DType.bf16, .f16, .f8e4m3] {
      // Rounded to the small type, then held in f32 or in the small type itself.
      let small = { @Sendable (tensor: Tensor) in Tensor(dtype, tensor.shape, doubles: tensor.doubles) }
      let want = try run { Tensor(.f32, $0.shape, doubles: small($0).doubles) }
      #expect(try run(small) == want)
    }
    let unaligned = try run { tensor in
      let storage = Storage(byteCount: tensor.byteCount + 1)
      let moved = Tensor(tensor.dtype, tensor.shape, storage: storage, offsetInBytes: 1)
      moved.mutableBytes.copyMemory(from: tensor.bytes)
      return moved
    }
    #expect(try unaligned == run { $0 })
  }

  @Test("More than the machine's memory is refused before it is asked for")
  func memory() throws {
    var builder = GraphBuilder(name: "forward")
    let x = builder.input("x", TensorType(.f32, [.batch(), 1]))
    let wide = try builder.node(.expand, [x], ["shape": .dimensions([.batch(), Dimension(1 << 46)])])[0]
    builder.output("y", try builder.node(.reduceSum, [wide], ["axes": .ints([1])])[0])
    let model = Model(Program(parameters: [], graphs: [builder.graph])) { _ throws(Diagnostic) in Tensor([1], [1]) }
    do throws(Diagnostic) {
      _ = try model.run(inputs: ["x": Tensor([1, 2], [2, 1])])
      Issue.record("it ran")
    } catch {
      #expect(error.rule == "run.size")
    }
  }

  @Test("A type that no kernel computes in is refused when the plan is made, by the primitive's name")
  func refusal() throws {
    var builder = GraphBuilder(name: "forward")
    let x = builder.input("x", TensorType(.bf16, [.batch(), 4]))
    builder.output("y", try builder.node(.exp, [x], [:])[0])
    let model = Model(Program(parameters: [], graphs: [builder.graph])) { _ throws(Diagnostic) in Tensor([1], [1]) }
    do throws(Diagnostic) {
      _ = try model.prepare()
      Issue.record("it was planned")
    } catch {
      #expect(error.rule == "run.kernel" && error.message.contains("'Exp'"))
    }
  }

  @Test("OpenBLAS runs the kernels that suit the processor")
  func blas() throws {
    let blas = try BLAS.load()
    #expect(blas.isAsRequested, "\(blas.coreName), but \(blas.requestedCoreType ?? "nothing") was asked for")
  }

  @Test("A parameter of another shape is refused")
  func parameterShape() throws {
    let model = Model(try network.program()) { _ throws(Diagnostic) in Tensor([1, 2], [2]) }
    do throws(Diagnostic) {
      _ = try model.run(inputs: network.inputs(batch: 1))
      Issue.record("a wrong parameter was taken")
    } catch {
      #expect(error.rule == "run.parameter-shape")
    }
  }

  @Test("A parameter of a type that does not become the program's is refused")
  func parameterType() throws {
    let types = Dictionary(uniqueKeysWithValues: try network.program().parameters.map { ($0.name, $0.type) })
    let model = Model(try network.program()) { name throws(Diagnostic) in
      Tensor(zeros: .c64, types[name]?.shape ?? [])
    }
    do throws(Diagnostic) {
      _ = try model.run(inputs: network.inputs(batch: 1))
      Issue.record("a wrong parameter was taken")
    } catch {
      #expect(error.rule == "run.parameter-dtype")
    }
  }
}
