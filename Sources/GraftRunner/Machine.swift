import Foundation

/// What this processor and its BLAS are, for reports.
public enum Machine {
  /// The processor as the system calls it, such as `AMD EPYC 9654 96-Core Processor`.
  public static var processor: String {
    let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
    let line = text.split(separator: "\n").first { $0.hasPrefix("model name") }
    let name = line?.split(separator: ":", maxSplits: 1).last?.trimmingCharacters(in: .whitespaces)
    return name.flatMap { $0.isEmpty ? nil : $0 } ?? "unknown"
  }

  /// The variant of graft's own loops that runs.
  public static var instructionSet: String { InstructionSet.current.rawValue }

  /// The threads that kernels run on where nothing else is said.
  public static var threadCount: Int { ThreadPool.process.threadCount }
}
