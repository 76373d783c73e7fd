import GraftFormats
import GraftIR
import GraftRunner
import Testing

@Suite struct ModelComparisonTests {
  private typealias Point = ModelComparison.Point

  private static func points(isExact: Bool) -> [Point] {
    [
      Point(
        name: "blocks.0", baseName: "blocks.0", path: "blocks[0]", basePath: "blocks[0]", isOutput: false,
        isExact: isExact),
      Point(name: "eps", baseName: "eps", path: "eps", basePath: "eps", isOutput: true, isExact: isExact),
    ]
  }

  /// A side of the small transformer, its parameters times `factor`.
  private func side(_ network: SmallDiT = SmallDiT(), factor: Float = 1) throws -> ModelComparison.Side {
    let program = try network.program()
    let parameters = network.parameters(of: program.graphs[0]).mapValues { tensor in
      Tensor(tensor.floats.map { $0 * factor }, tensor.shape)
    }
    return ModelComparison.Side(program) { name throws(Diagnostic) in
      guard let tensor = parameters[name] else { throw Diagnostic("test.parameter", "no '\(name)'") }
      return tensor
    }
  }

  private func report(
    _ grafted: ModelComparison.Side, isExact: Bool, _ change: (inout ModelComparison.Options) -> Void = { _ in }
  ) throws -> ComparisonReport {
    var options = ModelComparison.Options()
    change(&options)
    return try ModelComparison(Self.points(isExact: isExact), options: options).run(base: side(), grafted: grafted)
  }

  @Test("A model beside itself differs nowhere, in the executor and in the reference")
  func same() throws {
    let report = try report(side(), isExact: true)
    #expect(report.isExact)
    #expect(report.evaluatedReference)
    #expect(report.rows.map { $0.executor?.maxAbs } == [0, 0])
    #expect(report.rows.map { $0.reference?.isSame } == [true, true])
    #expect(report.findings() == [])
    #expect(report.inputs.allSatisfy { $0.shape.axes.first == 2 })
  }

  @Test("Where nothing is proved the reference rests, unless it is asked")
  func reference() throws {
    #expect(try !report(side(), isExact: false).evaluatedReference)
    #expect(try report(side(), isExact: false) { $0.evaluatesReference = true }.rows[1].reference?.isSame == true)
    #expect(try report(side(), isExact: true) { $0.evaluatesReference = false }.rows[1].reference == nil)
  }

  @Test("A difference alone is no finding, one beyond a bound is, and one that contradicts a proof is")
  func findings() throws {
    let other = try side(factor: 1.01)
    let report = try report(other, isExact: false)
    let figures = try #require(report.rows.last?.executor)
    #expect(figures.maxAbs > 0 && figures.relativeL2 > 0 && !report.isExact)
    #expect(report.findings() == [])

    let loose = try self.report(other, isExact: false) { $0.absolute = figures.maxAbs }
    #expect(loose.findings() == [])
    let tight = try self.report(other, isExact: false) { $0.absolute = figures.maxAbs / 2 }
    #expect(tight.findings().map(\.rule) == ["verify.bound"])
    #expect(try self.report(side(), isExact: false) { $0.relative = 0 }.findings() == [])

    // Both points, under the reference and in the executor.
    let wrong = try self.report(other, isExact: true)
    #expect(Set(wrong.findings().map(\.rule)) == ["verify.contradiction"])
    #expect(wrong.findings().count == 4)
  }

  @Test("What is recorded is found again, and a record of other inputs or another machine is not compared")
  func records() throws {
    let report = try report(side(factor: 1.01), isExact: false)
    let record = report.record
    #expect(try JSON(parsing: record.text(), file: "record") == record)
    #expect(try self.report(side(factor: 1.01), isExact: false).findings(recorded: record) == [])
    #expect(
      try self.report(side(factor: 1.02), isExact: false).findings(recorded: record).map(\.rule) == ["verify.record"])
    for change in [
      { (options: inout ModelComparison.Options) in options.seed = 5 }, { $0.batch = 1 },
    ] {
      let other = try self.report(side(factor: 1.02), isExact: false, change)
      #expect(!other.isComparable(to: record))
      #expect(other.findings(recorded: record) == [])
    }
    #expect(report.findings(recorded: ["seed": 0]) == [])
    #expect(report.findings(recorded: .null) == [])
  }

  @Test("A report says where it was made")
  func machine() throws {
    let report = try report(side(), isExact: false)
    #expect(report.machine.processor == Machine.processor && !report.machine.processor.isEmpty)
    #expect(report.machine.threads == ThreadPool.process.threadCount)
    #expect(report.record["machine"]?["blas_core"]?.textValue == report.machine.blasCore)
    #expect(report.record["inputs"]?.members?.map(\.name) == report.inputs.map(\.name))
  }

  @Test("Values of different shapes are told apart without figures")
  func shapes() throws {
    var builder = GraphBuilder(name: "forward")
    let x = builder.input("x", TensorType(.f32, [.batch(), 4]))
    builder.output("out", x)
    let base = builder.graph
    builder = GraphBuilder(name: "forward")
    let y = builder.input("x", TensorType(.f32, [.batch(), 4]))
    builder.output("out", try builder.node(.slice, [y], ["axis": .int(1), "start": .int(0), "length": .int(2)])[0])
    let point = Point(name: "out", baseName: "out", path: "out", basePath: "out", isOutput: true, isExact: false)
    func side(_ graph: Graph) -> ModelComparison.Side {
      ModelComparison.Side(Program(parameters: [], graphs: [graph])) { name throws(Diagnostic) in
        throw Diagnostic("test.parameter", "no '\(name)'")
      }
    }
    var options = ModelComparison.Options()
    options.absolute = 1
    let report = try ModelComparison([point], options: options).run(base: side(base), grafted: side(builder.graph))
    #expect(report.rows[0].executor == nil)
    #expect(report.record["outputs"]?.listValue?.first?["max_abs"] == .null)
    #expect(report.findings().map(\.rule) == ["verify.bound"])
  }

  @Test("Figures are the largest difference, and the norm of the difference over that of the original")
  func deviation() {
    func deviation(_ a: [Float], _ b: [Float], absolute: Double = 0, relative: Double = 0) -> Deviation {
      Deviation(of: Tensor(a, [a.count]), from: Tensor(b, [b.count]), relative: relative, absolute: absolute)
    }
    // 3-4-5: the difference is (0, 0.5), the original (3, 4) of norm 5.
    let one = deviation([3, 4.5], [3, 4])
    #expect(one.maxAbs == 0.5 && one.relativeL2 == 0.1 && !one.isSame && !one.isClose)
    #expect(deviation([3, 4.5], [3, 4], absolute: 0.5).isClose)
    #expect(deviation([8, 4], [8, 3], relative: 0.25).isClose)
    #expect(deviation([0, -0.0], [-0.0, 0]).isSame)
    #expect(deviation([.nan, .infinity], [.nan, .infinity]).isSame)
    #expect(deviation([.nan, 1], [1, 1]).maxAbs.isNaN)
    #expect(!deviation([.nan, 1], [1, 1], absolute: 100).isClose)
    #expect(deviation([1, .nan, 5], [1, 1, 1]).maxAbs.isNaN)
    #expect(deviation([3, 4], [0, 0]).relativeL2 == 5)
  }
}
