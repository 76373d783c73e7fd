import GraftSpecification

/// The pages of `specs/`, which are part of the program.
enum SpecificationPages {
  /// Name below `specs/` and text of each, in the order of their names.
  static let all: [(name: String, text: String)] = (0..<graft_page_count()).compactMap { index in
    guard let name = graft_page_name(index), let text = graft_page_text(index) else { return nil }
    let bytes = UnsafeBufferPointer(start: text, count: graft_page_length(index))
    return (String(cString: name), String(decoding: bytes, as: UTF8.self))
  }
}
