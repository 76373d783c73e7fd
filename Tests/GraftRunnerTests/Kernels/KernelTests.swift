import GraftIR
import GraftRunner
import Testing

@Suite struct KernelTests {
  static let sets = InstructionSet.allCases.filter(\.isSupported)

  @Test("Every primitive has a kernel, and every kernel a primitive")
  func registry() {
    let kernels = Kernels.all.map(\.primitive)
    for primitive in Primitives.all { #expect(kernels.contains(primitive.name), "\(primitive.name) has no kernel") }
    for kernel in kernels { #expect(Primitives.named(kernel) != nil, "\(kernel) is no primitive") }
    #expect(Set(kernels).count == kernels.count)
  }

  @Test("A kernel gives the results of its primitive's examples, or refuses their type", arguments: sets)
  func examples(_ isa: InstructionSet) throws {
    for primitive in Primitives.all {
      for (number, example) in primitive.examples.enumerated() {
        let results: [Tensor]
        do {
          results = try run(primitive, example.inputs, example.attributes, isa: isa)
        } catch {
          // Graphs are lowered in f32 and i64; other types are refused, never computed wrongly.
          #expect(error.rule == "run.kernel", "\(primitive.name) \(number): \(error)")
          let types = example.inputs.map(\.dtype) + example.outputs.map(\.dtype)
          #expect(types.contains { ![.f32, .i64, .i32, .bool].contains($0) }, "\(primitive.name) \(number): \(error)")
          continue
        }
        for (result, output) in zip(results, example.outputs) {
          // Examples state exact results; elementary functions are within their ulps.
          expect(result, near: output, .ulpsOfLargest(4), "\(primitive.name) example \(number) on \(isa)")
        }
      }
    }
  }

  @Test("A kernel agrees with the reference on random inputs", arguments: sets)
  func random(_ isa: InstructionSet) throws {
    let pool = ThreadPool(threadCount: 3)
    for (number, item) in Self.cases.enumerated() {
      let primitive = try #require(Primitives.named(item.primitive))
      let want = try primitive.evaluate(item.inputs, item.attributes)
      let got = try run(primitive, item.inputs, item.attributes, isa: isa, pool: pool)
      #expect(got.count == want.count)
      for (a, b) in zip(got, want) {
        expect(
          a, near: b, item.tolerance, input: item.inputs.first, "case \(number), \(item.testDescription) on \(isa)")
      }
    }
  }

  @Test("How work is shared does not change a bit of anything but BLAS's products", arguments: sets)
  func sharing(_ isa: InstructionSet) throws {
    let alone = ThreadPool(threadCount: 1)
    let pool = ThreadPool(threadCount: 4)
    for item in Self.cases where !["MatMul", "Conv"].contains(item.primitive) {
      let primitive = try #require(Primitives.named(item.primitive))
      let a = try run(primitive, item.inputs, item.attributes, isa: isa, pool: alone)
      let b = try run(primitive, item.inputs, item.attributes, isa: isa, pool: pool)
      for (a, b) in zip(a, b) { #expect(a.copiedBytes == b.copiedBytes, "\(item.testDescription)") }
    }
  }

  @Test("Sine and cosine hold for the large arguments of a time embedding")
  func largeAngles() throws {
    let angles = Tensor((0..<2000).map { Float($0) * 0.503 }, [2000])
    for primitive in [Primitive.sin, .cos] {
      expect(try run(primitive, [angles], [:])[0], near: try primitive.evaluate([angles], [:])[0], .ulps(1), "angles")
    }
  }

  @Test("Functions hold at the ends of their range and between them", arguments: sets)
  func ranges(_ isa: InstructionSet) throws {
    var values = stride(from: Float(-110), to: 110, by: 0.0371).map { $0 }
    values += [
      0, -0.0, .infinity, -.infinity, .nan, 1e-30, -1e-30, .leastNonzeroMagnitude, 88.72, 88.73, -87.4, -103.9, -104.1,
      4, 1,
    ]
    values += stride(from: Float(-5), to: 5, by: 0.0011).map { $0 }
    let x = Tensor(values, Shape([values.count]))
    // The division and the two roundings of 1 + exp(-x) add to the 2 ulps of exp itself.
    let functions: [(Primitive, Tolerance)] = [
      (.exp, .ulps(2)), (.tanh, .ulps(4)), (.erf, .ulps(4)), (.sigmoid, .ulps(4)),
    ]
    for (primitive, tolerance) in functions {
      expect(
        try run(primitive, [x], [:], isa: isa)[0], near: try primitive.evaluate([x], [:])[0], tolerance,
        "\(primitive.name) on \(isa)")
    }
  }

  @Test("An index outside its table is an error that says which")
  func gatherRange() throws {
    let table = Tensor([1, 2, 3], [3, 1])
    for bad in [3, -1] {
      let error = #expect(throws: Diagnostic.self) {
        try run(.gather, [table, Tensor(.i64, [2], integers: [0, bad])], [:])
      }
      #expect(error?.rule == "run.index")
    }
  }

  @Test("Dividing whole numbers by zero is an error")
  func integerDivision() throws {
    let error = #expect(throws: Diagnostic.self) {
      try run(.div, [Tensor(.i64, [2], integers: [1, 2]), Tensor(.i64, [2], integers: [1, 0])], [:])
    }
    #expect(error?.rule == "Div.zero")
  }

  @Test("What a product's result held before does not matter")
  func garbage() throws {
    // `run` poisons the arena with NaN, and beta = 0 must not read it.
    var random = SplitMix(state: 9)
    let (x, weight) = (random.tensor([40, 32]), random.tensor([48, 32]))
    let y = try run(.linear, [x, weight], [:])[0].floats
    #expect(y.allSatisfy { $0.isFinite })
  }
}
