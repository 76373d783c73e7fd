import COpenBLAS
import Glibc
public import GraftIR
import GraftKernels

/// OpenBLAS, loaded when the first product needs it.
///
/// A distribution's OpenBLAS may not know a new processor and fall back to its oldest kernels, several times slower. So
/// graft names the core type itself, in `OPENBLAS_CORETYPE`, before it loads the library; a user's own setting stays.
///
/// Products are always split by graft's `ThreadPool` and never by the library's threads: those would wait for the next
/// product by spinning on cores that graft's other kernels need. `OPENBLAS_NUM_THREADS` is therefore set to 1 before
/// the library starts any.
public struct BLAS: Sendable {
  /// The file that was loaded.
  public let library: String
  /// The kernels that the library says it uses, such as `Zen`.
  public let coreName: String
  /// The core type that graft or the user asked for, or `nil` where the library decided.
  public let requestedCoreType: String?
  /// Whether that was the user, in the environment.
  public let isRequestedByUser: Bool
  /// The core type that suits this processor best, or `nil` where the library is left to decide.
  public var suitedCoreType: String? { graft_blas_core_type().map { String(cString: $0) } }
  /// Whether the library took the core type that was asked for.
  public var isAsRequested: Bool {
    requestedCoreType.map { $0.lowercased() == coreName.lowercased() } ?? true
  }

  private let sgemm: graft_sgemm

  /// The library, loaded once a process.
  ///
  /// - Throws: `run.blas` where it is missing.
  public static func load() throws(Diagnostic) -> BLAS { try loaded.get() }

  private static let loaded: Result<BLAS, Diagnostic> = {
    let isRequestedByUser = getenv("OPENBLAS_CORETYPE") != nil
    if !isRequestedByUser, let suited = graft_blas_core_type() {
      setenv("OPENBLAS_CORETYPE", suited, 0)
    }
    _ = ThreadPool.requestedThreadCount  // Read what the user set before it is overwritten.
    setenv("OPENBLAS_NUM_THREADS", "1", 1)
    for library in ["libopenblas.so.0", "libopenblas.so"] {
      guard let handle = dlopen(library, RTLD_NOW | RTLD_LOCAL) else { continue }
      guard let sgemm = dlsym(handle, "cblas_sgemm"), let setThreads = dlsym(handle, "openblas_set_num_threads"),
        let coreName = dlsym(handle, "openblas_get_corename")
      else { continue }
      unsafeBitCast(setThreads, to: graft_set_threads.self)(1)
      let name = unsafeBitCast(coreName, to: graft_text.self)().map { String(cString: $0) } ?? "unknown"
      return .success(
        BLAS(
          library: library, coreName: name, requestedCoreType: getenv("OPENBLAS_CORETYPE").map { String(cString: $0) },
          isRequestedByUser: isRequestedByUser, sgemm: unsafeBitCast(sgemm, to: graft_sgemm.self)))
    }
    return .failure(
      Diagnostic(
        "run.blas", "'libopenblas.so.0' is not on this machine, and matrix products need it",
        help: "install it; on Debian and Ubuntu: apt-get install libopenblas0-pthread", category: .inputMissing))
  }()

  /// `c = alpha * a b`, row-major, on the calling thread. What `c` held before does not matter.
  ///
  /// `a` is [rows, depth], or [depth, rows] where `isATransposed`; `b` is [depth, columns], or [columns, depth] where
  /// `isBTransposed`. A stride is the number of elements from one row in memory to the next.
  func multiply(
    rows: Int, columns: Int, depth: Int, alpha: Float = 1,
    a: UnsafePointer<Float>, aStride: Int, isATransposed: Bool = false,
    b: UnsafePointer<Float>, bStride: Int, isBTransposed: Bool = false,
    c: UnsafeMutablePointer<Float>, cStride: Int
  ) {
    if rows == 0 || columns == 0 { return }
    if depth == 0 {
      for row in 0..<rows { (c + row * cStride).update(repeating: 0, count: columns) }
      return
    }
    let rowMajor: Int32 = 101  // CblasRowMajor, CblasNoTrans and CblasTrans of cblas.h.
    let asIs: Int32 = 111
    let transposed: Int32 = 112
    sgemm(
      rowMajor, isATransposed ? transposed : asIs, isBTransposed ? transposed : asIs, Int32(rows), Int32(columns),
      Int32(depth), alpha, a, Int32(aStride), b, Int32(bStride), 0, c, Int32(cStride))
  }
}
