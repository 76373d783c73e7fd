import Glibc
import GraftIR

/// The files beside a model that hold data of its tensors, each mapped once.
///
/// A location is a relative path in the model's folder. Links are followed where they end in that folder or, as in the
/// cache of Hugging Face, in the one that the model itself is linked from.
///
/// Source: ONNX `docs/ExternalData.md`; GHSA-538c-55jv-c5g9, for what a location must not be.
final class ONNXExternalData {
  /// More would run into the limit of open files that a process has.
  static let fileLimit = 500

  private let model: MappedFile
  private let folder: String
  /// Where files may really be, with the slash at the end.
  private let roots: [String]
  private var opened: [String: MappedFile] = [:]
  /// In the order of their first use.
  private(set) var files: [MappedFile] = []

  init(of model: MappedFile) {
    self.model = model
    folder = OutputName(model.path).folder
    let own = realPath(model.path).map { OutputName($0).folder }
    roots = [realPath(folder.isEmpty ? "." : folder).map { $0.hasSuffix("/") ? $0 : $0 + "/" }, own].compactMap(\.self)
  }

  /// Where the data are that `entries` of the tensor `name` tell of. Without a length they go on to the end of the
  /// file.
  ///
  /// - Throws: `onnx.external`, `onnx.external-path`, `onnx.external-missing`, `onnx.external-range`, `onnx.count`, and
  ///   rules of the
  ///   page `checkpoint`.
  func region(_ entries: [(key: [UInt8], value: [UInt8])], of name: String, _ place: Location) throws(Diagnostic)
    -> FileRegion
  {
    var location: [UInt8]?
    var offset = 0
    var length: Int?
    for (key, value) in entries {
      let text = String(decoding: value, as: UTF8.self)
      switch String(decoding: key, as: UTF8.self) {
      case "location": location = value
      case "offset": offset = try number(text, "offset", name, place)
      case "length": length = try number(text, "length", name, place)
      default: break  // Such as 'checksum', which nothing has to check.
      }
    }
    guard let location else {
      throw Diagnostic(
        "onnx.external", "the data of '\(name.shortened)' are elsewhere, and nothing says where", at: place)
    }
    let file = try file(location, of: name, place)
    guard offset <= file.byteCount, (length ?? 0) <= file.byteCount - offset else {
      throw Diagnostic(
        "onnx.external-range",
        "the data of '\(name.shortened)', \(length.map { "\($0) bytes" } ?? "all") from byte \(offset) on, "
          + "reach past '\(file.path)' of \(file.byteCount) bytes",
        at: place)
    }
    return FileRegion(file: file, offset: offset, byteCount: length ?? file.byteCount - offset)
  }

  private func number(_ text: String, _ what: String, _ name: String, _ place: Location) throws(Diagnostic) -> Int {
    // Python writes plain digits; a sign or a space is somebody else's.
    guard let number = Int(text), number >= 0, text.utf8.allSatisfy({ (48...57).contains($0) }) else {
      throw Diagnostic(
        "onnx.external", "the \(what) '\(text.shortened)' of '\(name.shortened)' is no number of bytes", at: place)
    }
    return number
  }

  private func file(_ location: [UInt8], of name: String, _ place: Location) throws(Diagnostic) -> MappedFile {
    let text = String(decoding: location, as: UTF8.self)
    func refusal(_ why: String) -> Diagnostic {
      Diagnostic(
        "onnx.external-path", "the data of '\(name.shortened)' are in '\(text.shortened)', which \(why)", at: place)
    }
    let steps = location.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    guard !location.isEmpty, location.count <= 4096, location.first != UInt8(ascii: "/"), !location.contains(0),
      !location.contains(UInt8(ascii: "\\")), Array(text.utf8) == location,
      steps.allSatisfy({ !$0.isEmpty && !$0.elementsEqual("..".utf8) })
    else { throw refusal("is no path inside the model's folder") }
    if let file = opened[text] { return file }
    let path = folder + text
    guard let real = realPath(path) else {
      throw Diagnostic(
        "onnx.external-missing", "the data of '\(name.shortened)' are in '\(path.shortened)', which is not there",
        at: place, help: "the file belongs beside the model", category: .inputMissing)
    }
    guard roots.contains(where: { real.hasPrefix($0) }) else { throw refusal("leads out of the model's folder") }
    guard files.count < Self.fileLimit else {
      throw Diagnostic("onnx.count", "data are in over \(Self.fileLimit) files", at: place)
    }
    let file = try MappedFile(path: real)
    // What the path led to may have changed since: what counts is what was opened.
    guard let actual = realPath("/proc/self/fd/\(file.descriptor)"),
      roots.contains(where: { actual.hasPrefix($0) })
    else { throw refusal("leads out of the model's folder") }
    opened[text] = file
    files.append(file)
    return file
  }
}

/// The path of what `path` leads to, without links, or `nil` where there is nothing.
private func realPath(_ path: String) -> String? {
  guard let real = realpath(path, nil) else { return nil }
  defer { free(real) }
  return String(cString: real)
}
