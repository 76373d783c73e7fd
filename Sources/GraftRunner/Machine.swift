public import GraftIR

/// What this processor and its BLAS are, for reports.
public enum Machine {
  /// The variant of graft's own loops that runs.
  public static var instructionSet: String { InstructionSet.current.rawValue }

  /// The threads that kernels run on where nothing else is said.
  public static var threadCount: Int { ThreadPool.process.threadCount }

  /// The BLAS library that is loaded, and the core type that it says it runs.
  ///
  /// - Throws: `run.blas` where there is none.
  public static func blas() throws(Diagnostic) -> (library: String, core: String) {
    let blas = try BLAS.load()
    return (blas.library, blas.coreName)
  }
}
