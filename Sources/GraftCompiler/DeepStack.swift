import Glibc

/// Runs `body` on a thread whose stack is deep enough for every limit of the compiler.
///
/// Trees may be hundreds of levels deep and are walked by recursion, which the small stacks of pool threads do not
/// hold. The pages are only reserved; what is not touched costs nothing.
func withDeepStack<Result>(_ body: () -> Result) -> Result {
  withoutActuallyEscaping(body) { body in
    let box = Box(body)
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    pthread_attr_setstacksize(&attributes, 512 << 20)
    defer { pthread_attr_destroy(&attributes) }
    var thread = pthread_t()
    let context = Unmanaged.passRetained(box)
    let failure = pthread_create(
      &thread, &attributes,
      { raw in
        guard let raw else { return nil }
        Unmanaged<AnyBox>.fromOpaque(raw).takeUnretainedValue().run()
        return nil
      }, context.toOpaque())
    if failure == 0 {
      pthread_join(thread, nil)
    } else {
      box.run()
    }
    context.release()
    guard let result = box.result else { preconditionFailure("the thread ended without its result") }
    return result
  }
}

private class AnyBox {
  func run() {}
}

private final class Box<Result>: AnyBox {
  var result: Result?
  private let body: () -> Result

  init(_ body: @escaping () -> Result) { self.body = body }

  override func run() { result = body() }
}
