import Foundation
import GraftFormats
import GraftIR
import Testing

/// Going on from what a killed process left. A kill is played by copying what lies in the folder at that moment.
@Suite struct ResumingTests {
  static let outputs = [
    "out.safetensors", "out.pt", "out.npz", "out.gguf", "out.h5", "out.onnx", "out.data.onnx",
    "out.safetensors.index.json",
  ]

  /// Copies, casts, draws, numbers and a tie.
  private func plan(_ folder: TemporaryFolder, for output: String = "") throws -> (WeightPlan, any CheckpointReader) {
    var random = SeededNumbers(seed: 2)
    let names = (0..<6).map { "w\($0)" }
    try TransferEngine.write(
      names.map { ($0, Tensor((0..<300).map { _ in Float.random(in: -1e5...1e5, using: &random) }, [10, 30])) },
      to: folder.path + "/source.safetensors")
    let reader = try Formats.open(folder.path + "/source.safetensors")
    var plan = WeightPlan(copying: reader, metadata: ["note": "n"])
    plan.tensors += names.map { name in
      let source = SourceTensor(source: 0, name: name, dtype: .f32, shape: [10, 30])
      return PlannedTensor(
        name: "half." + name, dtype: .f16, shape: [10, 30], expression: .source(source), origin: .kept)
    }
    let draw = Draw(.normal(mean: 0, deviation: 1), seed: 4, stream: "d")
    plan.tensors.append(
      PlannedTensor(name: "drawn", dtype: .f32, shape: [1001], expression: .draw(draw, [1001]), origin: .fresh))
    // Four bits an element, which NumPy gives a byte each, and GGUF and HDF5 lack.
    let packed = [".gguf", ".h5"].contains { output.hasSuffix($0) } ? DType.bf16 : .f4
    plan.tensors.append(
      PlannedTensor(
        name: "a packed one", dtype: packed, shape: [64], expression: .fill(1.5, packed, [64]), origin: .fresh))
    var tied = plan.tensors[1]
    tied = PlannedTensor(
      name: "tied", dtype: .f32, shape: [10, 30], expression: tied.expression, origin: .kept,
      alias: TensorAlias(wholeOf: 1, shape: [10, 30]))
    plan.tensors.append(tied)
    return (plan, reader)
  }

  private func options(_ name: String, resumes: Bool = false) -> TransferEngine.Options {
    var options = TransferEngine.Options()
    options.countsCasts = true
    options.resumes = resumes
    // The one makes several files, the other a second one for data.
    if name.hasSuffix(".index.json") || name.hasSuffix(".data.onnx") { options.shardByteCount = 2500 }
    return options
  }

  private func copy(_ folder: TemporaryFolder, _ names: (String) -> Bool) throws -> TemporaryFolder {
    let copy = try TemporaryFolder()
    for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) where names(name) {
      try FileManager.default.copyItem(atPath: folder.path + "/" + name, toPath: copy.path + "/" + name)
    }
    return copy
  }

  private func contents(_ folder: TemporaryFolder) throws -> [String: [UInt8]] {
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    return try names.reduce(into: [:]) { $0[$1] = try Fixtures.bytes(folder.path + "/" + $1) }
  }

  @Test("A transfer goes on from every tensor, and gives the same bytes and counts", arguments: outputs)
  func everyTensor(_ name: String) throws {
    let sources = try TemporaryFolder()
    let (plan, reader) = try plan(sources, for: name)
    let whole = try TemporaryFolder()
    var snapshots: [TemporaryFolder] = []
    var failure: (any Error)?
    let report = try TransferEngine.run(
      plan, readers: [reader], to: whole.path + "/" + name, options: options(name),
      progress: { _ in
        do { snapshots.append(try self.copy(whole) { _ in true }) } catch { failure = error }
      })
    #expect(failure == nil && snapshots.count == 14)
    #expect(report.counts.count == 6)
    let expected = try contents(whole)
    for (done, snapshot) in snapshots.enumerated() {
      let resumed = try TransferEngine.run(
        plan, readers: [reader], to: snapshot.path + "/" + name, options: options(name, resumes: true))
      #expect(resumed.resumedCount == done + 1 && resumed.restartReason == nil)
      #expect(resumed.counts == report.counts)
      #expect(try contents(snapshot) == expected)
    }
  }

  @Test("A file that is longer than the journal says is cut, and a shorter one is written again", arguments: outputs)
  func damage(_ name: String) throws {
    let sources = try TemporaryFolder()
    let (plan, reader) = try plan(sources, for: name)
    let whole = try TemporaryFolder()
    var snapshots: [TemporaryFolder] = []
    try TransferEngine.run(
      plan, readers: [reader], to: whole.path + "/" + name, options: options(name),
      progress: { _ in if let snapshot = try? self.copy(whole, { _ in true }) { snapshots.append(snapshot) } })
    let expected = try contents(whole)
    for (number, snapshot) in snapshots.enumerated() {
      for (file, bytes) in try contents(snapshot) {
        if file.hasSuffix("-partial") {
          let changed = number % 2 == 0 ? bytes + Array(repeating: 7, count: 9000) : Array(bytes.dropLast(700))
          try snapshot.write(changed, as: file)
        } else if number % 3 == 0 {
          try snapshot.write(Array(bytes.dropLast(3)), as: file)  // A line that was cut short.
        }
      }
      try TransferEngine.run(
        plan, readers: [reader], to: snapshot.path + "/" + name, options: options(name, resumes: true))
      #expect(try contents(snapshot) == expected, "\(number)")
    }
  }

  @Test("Files that are complete get their names, whichever have one already", arguments: outputs)
  func names(_ name: String) throws {
    let sources = try TemporaryFolder()
    let (plan, reader) = try plan(sources, for: name)
    let whole = try TemporaryFolder()
    var kept = options(name)
    kept.keepsJournal = true
    let report = try TransferEngine.run(plan, readers: [reader], to: whole.path + "/" + name, options: kept)
    let journal = try #require(whole.hidden.first)
    #expect(journal == ".\(name).graft-journal")
    let files = whole.names.filter { !$0.hasPrefix(".") }
    for named in 0...files.count {
      let copy = try self.copy(whole) { _ in true }
      // What ties the others together gets its name last: an index, or a model with data in a second file.
      let order = files.filter { $0 != name } + [name]
      for file in order[named...] {
        try FileManager.default.moveItem(
          atPath: copy.path + "/" + file, toPath: copy.path + "/.\(file).graft-partial")
      }
      try TransferEngine.checkOutput(copy.path + "/" + name, options: options(name, resumes: true))
      let resumed = try TransferEngine.run(
        plan, readers: [reader], to: copy.path + "/" + name, options: options(name, resumes: true))
      #expect(resumed.counts == report.counts && resumed.resumedCount == 14)
      #expect(try contents(copy) == contents(whole).filter { $0.key != journal })
    }
    TransferEngine.removeJournal(of: whole.path + "/" + name)
    #expect(whole.hidden == [])
  }

  @Test("What is of another transfer is not taken up, and that is said") func others() throws {
    let sources = try TemporaryFolder()
    let (plan, reader) = try plan(sources)
    let whole = try TemporaryFolder()
    var snapshot: TemporaryFolder?
    let path = "/x.safetensors"
    try TransferEngine.run(
      plan, readers: [reader], to: whole.path + path, options: options(path),
      progress: { if $0.tensors == 5 { snapshot = try? self.copy(whole) { _ in true } } })
    var changes: [(WeightPlan, TransferEngine.Options)] = []
    for change in 0..<4 {
      var (other, options) = (plan, options(path, resumes: true))
      switch change {
      case 0: other.metadata = ["note": "m"]
      case 1: other.tensors.swapAt(2, 3)
      case 2:
        let draw = Draw(.normal(mean: 0, deviation: 1), seed: 5, stream: "d")
        other.tensors[12] = PlannedTensor(
          name: "drawn", dtype: .f32, shape: [1001], expression: .draw(draw, [1001]), origin: .fresh)
      default: options.recordsDigests = false
      }
      changes.append((other, options))
    }
    for (other, options) in changes {
      let copy = try self.copy(try #require(snapshot)) { _ in true }
      let resumed = try TransferEngine.run(other, readers: [reader], to: copy.path + path, options: options)
      #expect(resumed.resumedCount == 0 && resumed.restartReason?.contains("other sources or options") == true)
      let fresh = try TemporaryFolder()
      var plain = options
      plain.resumes = false
      try TransferEngine.run(other, readers: [reader], to: fresh.path + path, options: plain)
      #expect(try contents(copy) == contents(fresh))
    }

    // A source that has changed since.
    let copy = try self.copy(try #require(snapshot)) { _ in true }
    let bytes = try Fixtures.bytes(reader.file)
    try sources.write(bytes, as: "source.safetensors")
    let changed = try TransferEngine.run(
      plan, readers: [try Formats.open(reader.file)], to: copy.path + path, options: options(path, resumes: true))
    #expect(changed.resumedCount == 0 && changed.restartReason != nil)

    let empty = try TemporaryFolder()
    let nothing = try TransferEngine.run(
      plan, readers: [reader], to: empty.path + path, options: options(path, resumes: true))
    #expect(nothing.resumedCount == 0 && nothing.restartReason?.contains("no journal") == true)
  }

  @Test("A transfer that does not resume takes nothing up") func plainRun() throws {
    let sources = try TemporaryFolder()
    let (plan, reader) = try plan(sources)
    let whole = try TemporaryFolder()
    var snapshot: TemporaryFolder?
    let path = "/x.pt"
    try TransferEngine.run(
      plan, readers: [reader], to: whole.path + path, options: options(path),
      progress: { if $0.tensors == 5 { snapshot = try? self.copy(whole) { _ in true } } })
    let copy = try #require(snapshot)
    let report = try TransferEngine.run(plan, readers: [reader], to: copy.path + path, options: options(path))
    #expect(report.resumedCount == 0 && report.restartReason == nil)
    #expect(try contents(copy) == contents(whole))
  }

  @Test("A damaged journal counts as none", arguments: ["", "\n", "graft-journal 1\n", "t 0 0 0 0 0 0 0\n", "x"])
  func damagedJournal(_ text: String) throws {
    let sources = try TemporaryFolder()
    let (plan, reader) = try plan(sources)
    let folder = try TemporaryFolder()
    try folder.write(Array(text.utf8), as: ".x.pt.graft-journal")
    try folder.write(Array(repeating: 1, count: 50_000), as: ".x.pt.graft-partial")
    let report = try TransferEngine.run(
      plan, readers: [reader], to: folder.path + "/x.pt", options: options("x.pt", resumes: true))
    #expect(report.resumedCount == 0 && report.restartReason != nil)
    let fresh = try TemporaryFolder()
    try TransferEngine.run(plan, readers: [reader], to: fresh.path + "/x.pt", options: options("x.pt"))
    #expect(try contents(folder) == contents(fresh))
  }
}
