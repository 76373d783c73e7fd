import GraftPrelude

/// The graft texts that are part of the compiler.
package enum Prelude {
  /// Every file, named as `prelude/linear.graft`, in the order of the table in `GraftPrelude`.
  package static let sources: [SourceText] = (0..<graft_prelude_count()).compactMap { index in
    guard let name = graft_prelude_name(index), let text = graft_prelude_text(index) else { return nil }
    let bytes = UnsafeBufferPointer(start: text, count: graft_prelude_length(index))
    return SourceText(file: "prelude/" + String(cString: name), text: String(decoding: bytes, as: UTF8.self))
  }
}
