import Foundation

/// libFuzzer's own loop (LLVM 21, `FuzzerInterface`, "LLVMFuzzerRunDriver"): makes inputs, steered by the code that
/// they reach, and calls the function with each. It ends the process where that traps, takes too long or too much
/// memory.
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
  _ argumentCount: UnsafeMutablePointer<Int32>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
  _ testOneInput: @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32
) -> Int32

private let workplace = Workplace()
private let target = FuzzTarget(rawValue: ProcessInfo.processInfo.environment["GRAFT_FUZZ_TARGET"] ?? "")

@main
enum GraftFuzz {
  static func main() {
    guard target != nil else {
      print("fuzz: GRAFT_FUZZ_TARGET is one of", FuzzTarget.allCases.map(\.rawValue).joined(separator: ", "))
      exit(64)
    }
    var count = CommandLine.argc
    var arguments = CommandLine.unsafeArgv
    exit(
      runDriver(&count, &arguments) { start, count in
        target?.run([UInt8](UnsafeBufferPointer(start: start, count: count)), in: workplace)
        return 0
      })
  }
}
