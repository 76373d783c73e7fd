import COpenBLAS
import Glibc

extension BLAS {
  /// The least seconds of three runs of one product by the library alone, on its own threads.
  func seconds(rows: Int, columns: Int, depth: Int, threadCount: Int) -> Double {
    let setThreads = dlopen(library, RTLD_NOW | RTLD_LOCAL).flatMap { dlsym($0, "openblas_set_num_threads") }
      .map { unsafeBitCast($0, to: graft_set_threads.self) }
    setThreads?(Int32(threadCount))
    defer { setThreads?(1) }
    let a = [Float](repeating: 0.5, count: rows * depth)
    let b = [Float](repeating: 0.5, count: depth * columns)
    var c = [Float](repeating: 0, count: rows * columns)
    var least = Double.infinity
    for _ in 0..<3 {
      let start = Profile.now
      a.withUnsafeBufferPointer { a in
        b.withUnsafeBufferPointer { b in
          c.withUnsafeMutableBufferPointer { c in
            guard let a = a.baseAddress, let b = b.baseAddress, let c = c.baseAddress else { return }
            multiply(
              rows: rows, columns: columns, depth: depth, a: a, aStride: depth, b: b, bStride: depth,
              isBTransposed: true,
              c: c, cStride: columns)
          }
        }
      }
      least = min(least, Double(Profile.now - start) / 1e9)
    }
    return least
  }
}
