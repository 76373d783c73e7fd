#if canImport(Glibc)
  import Glibc
#endif

/// Runs `body` on a stack of 64 MiB, and waits for it.
///
/// What follows the nesting of a graft file, bounded as it is, recurses: 200 levels of a debug build's parser take
/// more than the 8 MiB that a thread has, and a program that uses the library may have made its threads smaller. The
/// memory is only taken where it is touched.
package func withDeepStack<Result: Sendable>(_ body: @escaping @Sendable () -> Result) -> Result {
  #if canImport(Glibc)
    let box = Box(body)
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setstacksize(&attributes, 64 << 20)
    var thread = pthread_t()
    let context = Unmanaged<AnyBox>.passUnretained(box)
    let status = pthread_create(
      &thread, &attributes,
      { context in
        if let context { Unmanaged<AnyBox>.fromOpaque(context).takeUnretainedValue().run() }
        return nil
      }, context.toOpaque())
    // Without a thread to be had, the caller's stack has to do.
    if status == 0 { pthread_join(thread, nil) }
    return withExtendedLifetime(box) { box.result ?? body() }
  #else
    return body()
  #endif
}

#if canImport(Glibc)
  /// What the thread is given; it and the caller never run at the same time.
  private class AnyBox {
    func run() {}
  }

  private final class Box<Result: Sendable>: AnyBox {
    let body: @Sendable () -> Result
    var result: Result?

    init(_ body: @escaping @Sendable () -> Result) { self.body = body }

    override func run() { result = body() }
  }
#endif
