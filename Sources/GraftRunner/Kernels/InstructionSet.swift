import Glibc
public import GraftIR
import GraftKernels

/// The variant of graft's own loops that runs. Each variant is deterministic; two of them differ in the last bits.
public enum InstructionSet: String, Sendable, Hashable, CaseIterable {
  /// What every processor of the target has.
  case plain
  /// AVX2 and FMA.
  case avx2
  /// AVX-512 F, BW, DQ and VL.
  case avx512

  /// Whether this processor runs it.
  public var isSupported: Bool { graft_isa_supported(variant) }

  /// Refuses a `GRAFT_ISA` that would do nothing.
  ///
  /// - Throws: `run.isa`.
  public static func checkRequest() throws(Diagnostic) {
    guard let wish = getenv("GRAFT_ISA").map({ String(cString: $0) }), !wish.isEmpty else { return }
    if let asked = InstructionSet(rawValue: wish), asked.isSupported { return }
    let known = allCases.filter(\.isSupported).map(\.rawValue).joined(separator: ", ")
    throw Diagnostic(
      "run.isa", "GRAFT_ISA is '\(wish)', and this processor runs \(known)", category: .usage)
  }

  /// The widest that the processor runs, or what `GRAFT_ISA` asks for where it runs that; read once.
  public static let current: InstructionSet = {
    if let wish = getenv("GRAFT_ISA"), let asked = InstructionSet(rawValue: String(cString: wish)), asked.isSupported {
      return asked
    }
    return allCases.last { $0.isSupported } ?? .plain
  }()

  var variant: graft_isa {
    switch self {
    case .plain: GRAFT_PLAIN
    case .avx2: GRAFT_AVX2
    case .avx512: GRAFT_AVX512
    }
  }
}
