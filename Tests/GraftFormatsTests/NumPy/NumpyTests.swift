import Foundation
import GraftFormats
import GraftIR
import Testing

/// Arrays and archives of arrays. What NumPy writes is among the fixtures; here is the rest.
@Suite struct NumpyTests {
  /// An array file with the given header, which is padded as NumPy pads it.
  private func array(_ header: String, version: UInt8 = 1, data: [UInt8] = [], in folder: TemporaryFolder) throws
    -> String
  {
    let start = version == 1 ? 10 : 12
    let length = (start + header.utf8.count + 1 + 63) / 64 * 64 - start
    var bytes: [UInt8] = [0x93] + Array("NUMPY".utf8) + [version, 0, UInt8(length & 255), UInt8(length >> 8)]
    if version > 1 { bytes += [0, 0] }
    bytes += Array(header.utf8) + [UInt8](repeating: 0x20, count: length - header.utf8.count - 1) + [0x0A]
    return try folder.write(bytes + data, as: "x.npy")
  }

  static let goodHeaders: [(String, [UInt8], DType, Shape)] = [
    ("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", [0, 0, 0, 0], .f32, [1]),
    (#"{"shape":(1,2),"fortran_order":True,"descr":"|u1"}"#, [0, 0], .u8, [1, 2]),
    ("{'shape': (2L, ), 'descr': u'=i2', 'fortran_order': False}", [0, 0, 0, 0], .i16, [2]),
    ("  {'descr': '<c16', 'fortran_order': False, 'shape': ()}  ", [UInt8](repeating: 0, count: 16), .c128, []),
    (
      "{'descr': '<V2', 'fortran_order': False, 'shape': (0, 9000000000000000000)}", [], .bf16,
      [0, 9_000_000_000_000_000_000]
    ),
    (
      "{'descr': '>V1', 'fortran_order': True, 'shape': (9000000000000000000, 9, 0)}".replacingOccurrences(
        of: ">V1", with: ">u4"),
      [], .u32, [9_000_000_000_000_000_000, 9, 0]
    ),
  ]

  @Test("Headers are read in any order and spelling", arguments: goodHeaders)
  func accepted(_ header: String, _ data: [UInt8], _ dtype: DType, _ shape: Shape) throws {
    let folder = try TemporaryFolder()
    let reader = try Formats.open(try array(header, data: data, in: folder))
    #expect(reader.entries == [TensorEntry(path: [], dtype: dtype, shape: shape)])
    #expect(try reader.tensor(at: 0).byteCount == data.count)
    #expect(reader.notes.isEmpty == (dtype != .bf16))
  }

  static let badHeaders: [(String, Int, String)] = [
    ("{'descr': '<f4', 'fortran_order': 0, 'shape': ()}", 4, "numpy.header"),
    ("{'descr': '<f4', 'fortran_order': False, 'shape': (1)}", 4, "numpy.header"),
    ("{'descr': '<f4', 'fortran_order': False, 'shape': ()} + {}", 4, "numpy.header"),
    ("{'descr': '<\\x664', 'fortran_order': False, 'shape': ()}", 4, "numpy.header"),
    ("['descr', '<f4']", 4, "numpy.header"), ("{", 0, "numpy.header"), ("", 0, "numpy.header"),
    ("{'descr': '|V1', 'fortran_order': False, 'shape': (1,)}", 1, "numpy.type"),
    ("{'descr': '|V2', 'fortran_order': False, 'shape': (1,)}", 2, "numpy.type"),
    ("{'descr': '>V2', 'fortran_order': False, 'shape': (1,)}", 2, "numpy.type"),
    ("{'descr': '', 'fortran_order': False, 'shape': (1,)}", 1, "numpy.type"),
    ("{'descr': '<f99999999999999999999', 'fortran_order': False, 'shape': (1,)}", 1, "numpy.type"),
    ("{'descr': '|O8', 'fortran_order': False, 'shape': (1,)}", 8, "numpy.object"),
    ("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296)}", 0, "numpy.size"),
    ("{'descr': '<f4', 'fortran_order': False, 'shape': (\(String(repeating: "1,", count: 65)))}", 4, "numpy.shape"),
    ("{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775808,)}", 4, "numpy.shape"),
    ("{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", 4, "numpy.truncated"),
    ("{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", 12, "numpy.length"),
  ]

  @Test("What breaks a rule is refused by it", arguments: badHeaders)
  func refused(_ header: String, _ data: Int, _ rule: String) throws {
    let folder = try TemporaryFolder()
    let path = try array(header, data: [UInt8](repeating: 0, count: data), in: folder)
    let error = #expect(throws: Diagnostic.self) { try Formats.open(path) }
    #expect(error?.rule == rule)
  }

  @Test("A header beyond the limit is refused before it is read") func limit() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write([0x93] + Array("NUMPY".utf8) + [2, 0, 0x41, 0x42, 0x0F, 0], as: "x.npy")  // 1,000,001
    truncate(path, 2_000_000)
    let error = #expect(throws: Diagnostic.self) { try Formats.open(path) }
    #expect(error?.rule == "numpy.header-limit")
  }

  @Test("An archive that is none is refused") func notZip() throws {
    let folder = try TemporaryFolder()
    let error = #expect(throws: Diagnostic.self) { try Formats.open(try folder.write([], as: "x.npz")) }
    #expect(error?.rule == "numpy.not-zip")
    let empty = [0x50, 0x4B, 5, 6] + [UInt8](repeating: 0, count: 18)
    #expect(try Formats.open(try folder.write(empty, as: "y.npz")).entries.isEmpty)
  }

  @Test("Every type comes back out of an archive, with metadata", arguments: DType.allCases)
  func types(_ dtype: DType) throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/x.npz"
    let tensor = Tensor(zeros: dtype, [4, 12])
    for index in 0..<tensor.byteCount {
      tensor.mutableBytes[index] = dtype == .bool ? UInt8(index % 2) : UInt8(truncatingIfNeeded: index * 37)
    }
    try TransferEngine.write([("a/b", tensor), ("c", tensor)], metadata: ["k": "v"], to: path)
    let reader = try Formats.open(path)
    #expect(reader.format == "npz" && reader.metadata == ["k": "v"] && reader.notes.isEmpty)
    #expect(reader.entries.map(\.name) == ["a/b", "c"])
    for index in 0..<2 {
      let read = try reader.tensor(at: index)
      #expect(read.type == tensor.type && read.bytes.elementsEqual(tensor.bytes))
    }
  }

  /// The first of NumPy's own files that the fixtures hold.
  @Test("An array is written as NumPy writes it") func arrayBytes() throws {
    let folder = try TemporaryFolder()
    let original = try Formats.open(Fixtures.folder + "/kinds/c128.npy")
    try TransferEngine.write([("", try original.tensor(at: 0))], to: folder.path + "/x.npy")
    #expect(try Fixtures.bytes(folder.path + "/x.npy") == Fixtures.bytes(original.file))
  }

  static let unwritable: [(String, [(String, DType)])] = [
    ("x.npy", []), ("x.npy", [("a", .f32), ("b", .f32)]), ("x.npy", [("a", .f8e4m3)]), ("x.npz", [("../a", .f32)]),
    ("x.npz", [("/a", .f32)]), ("x.npz", [("a\0", .f32)]), ("x.npz", [("a\\b", .f32)]),
  ]

  @Test("What NumPy cannot hold is not written", arguments: unwritable)
  func unwritten(_ name: String, _ tensors: [(String, DType)]) throws {
    let folder = try TemporaryFolder()
    let error = #expect(throws: Diagnostic.self) {
      try TransferEngine.write(tensors.map { ($0.0, Tensor(zeros: $0.1, [1])) }, to: folder.path + "/" + name)
    }
    #expect(error?.rule == "numpy.unwritable")
    #expect(folder.names == [])
  }

  @Test("Types in an archive's metadata are known ones") func dtypes() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(
      ZipFixture.archive([("graft.json", Array(#"{"graft.dtypes":"{\"a\":\"Q4\"}"}"#.utf8))]), as: "x.npz")
    let error = #expect(throws: Diagnostic.self) { try Formats.open(path) }
    #expect(error?.rule == "numpy.dtypes")
  }

  @Test("What is no array in an archive is told") func others() throws {
    let folder = try TemporaryFolder()
    let array = try Fixtures.bytes(Fixtures.folder + "/formats/numpy/c.npy")
    let path = try folder.write(
      ZipFixture.archive([("a.npy", array), ("readme.txt", [65]), ("folder/", [])]), as: "x.npz")
    let reader = try Formats.open(path)
    #expect(
      reader.entries.map(\.name) == ["a"] && reader.omissions.map(\.text) == ["1 record that is no array: 'readme.txt'"]
    )
  }
}
