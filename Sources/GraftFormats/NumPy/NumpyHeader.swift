import GraftIR

// Layout of an array file (NumPy 2.4, `numpy.lib.format`):
//
//   0  magic    0x93, "NUMPY"
//   6  version  1.0, 2.0 or 3.0, two bytes
//   8  length   of the header: u16 in version 1, u32 after; little-endian
//   …  header   a Python dictionary {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }, padded with spaces and
//               ended by a line feed; UTF-8 in version 3
//   …  data     as many elements as the shape says, the last axis fastest, or the first one in Fortran's order

/// What an array file says before its data.
struct NumpyHeader: Sendable, Hashable {
  static let magic: [UInt8] = [0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59]
  /// NumPy itself stops at 10,000 bytes unless told otherwise.
  static let lengthLimit = 1_000_000

  let type: NumpyType
  let shape: Shape
  let isFortranOrder: Bool
  /// Where the data start, counted from the start of the array file.
  let dataOffset: Int
  /// The bytes of the data.
  let dataByteCount: Int

  /// How many bytes from its start have to be there to tell how long the header is.
  static let prefixByteCount = 12

  /// One past the last byte of the header of an array file that starts with `bytes`, `available` of which there are
  /// in all.
  ///
  /// - Throws: `numpy.magic`, `numpy.version`, `numpy.truncated`, `numpy.header-limit`.
  static func end(
    _ bytes: UnsafeRawBufferPointer, available: Int, at place: Location
  ) throws(Diagnostic) -> Int {
    guard bytes.prefix(6).elementsEqual(magic.prefix(bytes.count)), !bytes.isEmpty else {
      throw Diagnostic("numpy.magic", "the array does not begin with '\\x93NUMPY'", at: place)
    }
    guard available >= 10, bytes.count >= 10 else { throw truncation("the header is cut short", place) }
    let version = bytes[6]
    guard (1...3).contains(version), bytes[7] == 0 else {
      throw Diagnostic(
        "numpy.version", "version \(version).\(bytes[7]) of the format, where 1 to 3 are read", at: place)
    }
    let start = version == 1 ? 10 : 12
    guard available >= start, bytes.count >= start else { throw truncation("the header is cut short", place) }
    let length =
      version == 1
      ? Int(UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt16.self)))
      : Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt32.self)))
    guard length <= available - start else {
      throw truncation("a header of \(length) bytes is due, but only \(available - start) follow", place)
    }
    guard length <= lengthLimit else {
      throw Diagnostic("numpy.header-limit", "the header has \(length) bytes, more than \(lengthLimit)", at: place)
    }
    return start + length
  }

  /// Reads the header in `bytes`, which `end` measured; the array file has `byteCount` bytes in all.
  ///
  /// - Throws: rules of the page `numpy`.
  init(
    _ bytes: UnsafeRawBufferPointer, byteCount: Int, declared: DType?, file: String, origin: Int
  ) throws(Diagnostic) {
    let start = bytes[6] == 1 ? 10 : 12
    let place = Location(file, origin..<origin + bytes.count)
    var literal = PythonLiteral(
      UnsafeRawBufferPointer(rebasing: bytes[start...]), file: file, origin: origin + start)
    guard case .dictionary(let members) = try literal.read() else {
      throw Diagnostic("numpy.header", "the header is no dictionary", at: place)
    }
    guard members.count == 3, let descr = members.first(where: { $0.key == "descr" })?.value,
      case .bool(let isFortranOrder)? = members.first(where: { $0.key == "fortran_order" })?.value,
      case .tuple(let sizes)? = members.first(where: { $0.key == "shape" })?.value
    else {
      throw Diagnostic(
        "numpy.header", "the header is not 'descr', 'fortran_order' (a truth) and 'shape' (a tuple), each once",
        at: place)
    }
    guard case .text(let spelling) = descr else {
      throw Diagnostic("numpy.type", "the array has a structured type, or one that is no text", at: place)
    }
    type = try NumpyType(spelling, declared: declared, at: place)
    shape = try Self.shape(sizes, at: place)
    self.isFortranOrder = isFortranOrder
    dataOffset = bytes.count
    dataByteCount = try Self.dataByteCount(shape, type, available: byteCount - bytes.count, at: place)
  }

  private static func shape(_ sizes: [PythonLiteral.Value], at place: Location) throws(Diagnostic) -> Shape {
    // NumPy stops at 64 axes too.
    guard sizes.count <= 64 else {
      throw Diagnostic("numpy.shape", "the shape has \(sizes.count) axes, where 64 are the most", at: place)
    }
    var axes: [Int] = []
    for size in sizes {
      guard case .integer(let axis) = size, axis >= 0 else {
        throw Diagnostic("numpy.shape", "the shape holds something else than whole numbers of 0 or more", at: place)
      }
      axes.append(axis)
    }
    return Shape(axes)
  }

  private static func dataByteCount(
    _ shape: Shape, _ type: NumpyType, available: Int, at place: Location
  ) throws(Diagnostic) -> Int {
    guard let count = shape.elementCount,
      case let (bytes, overflow) = count.multipliedReportingOverflow(by: type.width),
      !overflow, type.dtype.byteCount(of: count) != nil
    else {
      throw Diagnostic(
        "numpy.size", "\(shape) elements of '\(type.dtype)' are no whole number of bytes that fits 64 bits", at: place)
    }
    // A file that lacks nearly everything was never written whole.
    guard bytes <= available || bytes / 1000 <= available else {
      throw Diagnostic(
        "numpy.size", "the shape \(shape) needs \(bytes) bytes, over a thousand times the \(available) that follow",
        at: place)
    }
    guard bytes <= available else {
      throw truncation("the shape \(shape) needs \(bytes) bytes, but only \(available) follow", place)
    }
    guard bytes == available else {
      throw Diagnostic(
        "numpy.length", "the shape \(shape) needs \(bytes) bytes, but \(available) follow", at: place,
        help: "save each array to a file of its own")
    }
    return bytes
  }

  private static func truncation(_ message: String, _ place: Location) -> Diagnostic {
    Diagnostic("numpy.truncated", message, at: place)
  }

  /// Where the element of each index lies in the data, counted in elements.
  var layout: StridedLayout? {
    guard isFortranOrder else { return StridedLayout(sizes: shape.axes, strides: shape.strides, width: type.width) }
    var strides: [Int] = []
    var stride = 1
    for axis in shape.axes {
      strides.append(stride)
      stride = stride &* max(1, axis)
    }
    return StridedLayout(sizes: shape.axes, strides: shape.elementCount == 0 ? shape.axes : strides, width: type.width)
  }

  /// The bytes before the data of an array of `dtype` and `shape`, as NumPy writes them: a multiple of 64.
  static func bytes(_ dtype: DType, _ shape: Shape) -> [UInt8] {
    let sizes = shape.axes.map(String.init)
    let tuple = sizes.count == 1 ? "(\(sizes[0]),)" : "(\(sizes.joined(separator: ", ")))"
    let text = "{'descr': '\(NumpyType.spelling(of: dtype))', 'fortran_order': False, 'shape': \(tuple), }"
    // At most 64 axes of 19 digits, so version 1 always does.
    let padding = (64 - (10 + text.utf8.count + 1) % 64) % 64
    let length = text.utf8.count + padding + 1
    return magic + [1, 0, UInt8(length & 255), UInt8(length >> 8)] + Array(text.utf8)
      + [UInt8](repeating: 0x20, count: padding) + [0x0A]
  }
}
