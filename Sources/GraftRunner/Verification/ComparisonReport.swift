public import GraftFormats
public import GraftIR

/// What a comparison of two models found, and where it was made.
public struct ComparisonReport: Sendable, Hashable {
  /// The machine, as far as results depend on it.
  public struct Machine: Sendable, Hashable {
    /// As the processor calls itself.
    public let processor: String
    /// The variant of graft's loops.
    public let instructionSet: String
    /// The library of the matrix products and its version.
    public let blas: String
    /// The processor that the library takes this one for.
    public let blasCore: String
    /// The threads that graft runs on.
    public let threads: Int
  }

  /// An input that both models were given.
  public struct Input: Sendable, Hashable {
    /// The input's name in the program.
    public let name: String
    /// The type of its elements.
    public let dtype: DType
    /// Its sizes, the batch bound.
    public let shape: Shape
  }

  /// One compared value.
  public struct Row: Sendable, Hashable {
    /// What is compared: a part's result or an output.
    public let point: ModelComparison.Point
    /// What the executor's results differ by; `nil` where their shapes differ.
    public let executor: Deviation?
    /// What the reference evaluation's differ by; `nil` where it was not made, or the shapes differ.
    public let reference: Deviation?
  }

  /// Where the executor ran.
  public let machine: Machine
  /// The seed of the inputs.
  public let seed: UInt64
  /// The samples that ran at once.
  public let batch: Int
  /// What both models were given.
  public let inputs: [Input]
  /// Parts in the order of the grafted model, then outputs.
  public let rows: [Row]
  /// Whether outputs were held to a bound.
  let isBounded: Bool
  /// Whether the reference evaluated both models.
  public let evaluatedReference: Bool

  /// Relative L2 up to which the executor's results for a value that is exact are its rounding: it sums in other
  /// orders, and through some dozens of blocks a unit in the last place of f32 (6e-8) grows a thousandfold at most.
  public static let executorBound = 1e-4
}

extension ComparisonReport {
  /// Whether every output is proved to be the same.
  public var isExact: Bool {
    let outputs = rows.filter(\.point.isOutput)
    return !outputs.isEmpty && outputs.allSatisfy(\.point.isExact)
  }

  /// What contradicts a claim, each as a rule and a sentence; `recorded` is what a checkpoint's metadata tell of an
  /// earlier comparison.
  ///
  /// - `verify.contradiction`: a proved value is the same under the reference evaluation, and within `executorBound`.
  /// - `verify.bound`: an output differs by no more than was allowed.
  /// - `verify.record`: what is recorded is found again where seed, batch, inputs and machine are the same.
  public func findings(recorded: JSON? = nil) -> [Finding] {
    var found: [Finding] = []
    for row in rows {
      let name = row.point.path
      if row.point.isExact {
        if let reference = row.reference, !reference.isSame {
          found.append(
            Finding(
              "verify.contradiction",
              "'\(name)' is proved exact, but the reference evaluation differs by \(reference.maxAbs)"))
        }
        if !(row.executor.map { $0.relativeL2 <= Self.executorBound } ?? false) {
          let difference = row.executor.map { "relative L2 of \($0.relativeL2)" } ?? "shape"
          found.append(
            Finding(
              "verify.contradiction", "'\(name)' is proved exact, but the executor's results differ in \(difference)"))
        }
      }
      if isBounded, row.point.isOutput, row.executor?.isClose != true {
        found.append(Finding("verify.bound", "output '\(name)' differs by more than --rtol and --atol allow"))
      }
    }
    if let recorded, isComparable(to: recorded), recorded != record {
      found.append(Finding("verify.record", "the recorded result differs from what is found now on the same machine"))
    }
    return found
  }

  /// What contradicts a claim.
  public struct Finding: Sendable, Hashable {
    /// The rule, as `specs/verify.md` states it.
    public let rule: String
    /// What was found, as a sentence without a full stop.
    public let message: String

    init(_ rule: String, _ message: String) {
      self.rule = rule
      self.message = message
    }
  }

  /// Whether `recorded` was made on the same inputs and machine, so that it should be the same to the last digit.
  public func isComparable(to recorded: JSON) -> Bool {
    ["seed", "batch", "inputs", "machine"].allSatisfy { recorded[$0] == record[$0] }
  }

  // MARK: JSON

  /// The metadata that hold a recorded comparison.
  public static let metadataKey = "graft.verified"

  /// The comparison as it goes into metadata: nothing that differs between two runs on the same machine.
  public var record: JSON { .object(members.map { JSON.Member($0.0, $0.1) }) }

  /// The members of reports and records, in order.
  public var members: [(String, JSON)] {
    [
      ("seed", .int(Int(bitPattern: UInt(seed)))), ("batch", .int(batch)),
      (
        "inputs",
        .object(
          inputs.map {
            JSON.Member(
              $0.name, ["dtype": .text($0.dtype.rawValue), "shape": .list($0.shape.axes.map { .int($0) })])
          })
      ),
      (
        "machine",
        [
          "processor": .text(machine.processor), "isa": .text(machine.instructionSet), "blas": .text(machine.blas),
          "blas_core": .text(machine.blasCore), "threads": .int(machine.threads),
        ]
      ),
      ("exact", .bool(isExact)),
      ("parts", .list(rows.filter { !$0.point.isOutput }.map(\.json))),
      ("outputs", .list(rows.filter(\.point.isOutput).map(\.json))),
    ]
  }
}

extension ComparisonReport.Row {
  fileprivate var json: JSON {
    var members = [JSON.Member("path", .text(point.path))]
    if !point.isOutput { members.append(JSON.Member("base", .text(point.basePath))) }
    members += [
      JSON.Member("exact", .bool(point.isExact)),
      JSON.Member("max_abs", executor.map { .number($0.maxAbs) } ?? .null),
      JSON.Member("relative_l2", executor.map { .number($0.relativeL2) } ?? .null),
    ]
    if let reference {
      members.append(
        JSON.Member(
          "reference",
          [
            "equal": .bool(reference.isSame), "max_abs": .number(reference.maxAbs),
            "relative_l2": .number(reference.relativeL2),
          ]))
    }
    return .object(members)
  }
}
