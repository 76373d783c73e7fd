import Foundation
import GraftCompiler
import GraftFormats
import GraftIR

/// What libFuzzer's inputs are taken for. `GRAFT_FUZZ_TARGET` names one.
enum FuzzTarget: String, CaseIterable {
  /// A file of that format, or of whatever its bytes are.
  case safetensors, pytorch, npy, npz, gguf, hdf5, onnx
  /// The `data.pkl` of a PyTorch archive that is sound otherwise; in a whole file, its checksum would stop every
  /// change.
  case pickle
  /// An index beside the files that the fixtures' index names.
  case index
  /// Graft text.
  case graft

  /// Reads `bytes` as far as anybody would. Whatever they are, the answer is a checkpoint, a model or diagnostics.
  func run(_ bytes: [UInt8], in workplace: Workplace) {
    switch self {
    case .safetensors, .pytorch, .npy, .npz, .gguf, .hdf5, .onnx: read(workplace.file(bytes, named: "input." + suffix))
    case .pickle: read(workplace.file(Archive.around(pickle: bytes), named: "input.pt"))
    case .index: read(workplace.file(bytes, named: "input.index.json"))
    case .graft: _ = Compiler().compile(file: workplace.file(bytes, named: "input.graft"))
    }
  }

  private var suffix: String {
    switch self {
    case .pytorch: "pt"
    case .hdf5: "h5"
    case .safetensors, .npy, .npz, .gguf, .onnx, .pickle, .index, .graft: rawValue
    }
  }

  private func read(_ path: String) {
    do throws(Diagnostic) {
      let reader = try Formats.open(path)
      for index in reader.entries.indices {
        let tensor = try reader.tensor(at: index)
        precondition(tensor.byteCount == reader.entries[index].byteCount, "a tensor has the bytes of its entry")
      }
    } catch {
      precondition(error.category != .defect, "a file is at fault, never graft")
    }
    _ = try? PickleGlobals.list(path)
  }
}

/// A folder in memory for the files that are read. Each input takes the place of the one before.
struct Workplace {
  private let folder: String

  init() {
    let root = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : NSTemporaryDirectory()
    folder = "\(root)/graft-fuzz-\(getpid())"
    mkdir(folder, 0o700)
    // What an index may name: `GRAFT_FUZZ_SHARDS` is a folder of files.
    let shards = ProcessInfo.processInfo.environment["GRAFT_FUZZ_SHARDS"] ?? ""
    for name in (try? FileManager.default.contentsOfDirectory(atPath: shards)) ?? []
    where name.hasSuffix(".safetensors") {
      symlink(shards + "/" + name, folder + "/" + name)
    }
  }

  /// The path of a file `name` that holds `bytes`.
  func file(_ bytes: [UInt8], named name: String) -> String {
    let path = folder + "/" + name
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    defer { close(descriptor) }
    _ = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    return path
  }
}

/// A zip archive as torch writes it, without checksums.
private enum Archive {
  static func around(pickle: [UInt8]) -> [UInt8] {
    var bytes: [UInt8] = []
    var directory: [UInt8] = []
    let storage = (0..<256).map { UInt8($0) }
    let records = [("a/data.pkl", pickle)] + ["0", "1", "2"].map { ("a/data/" + $0, storage) }
    for (name, content) in records {
      let sizes = little(UInt32(0)) + little(UInt32(content.count)) + little(UInt32(content.count))
      let shared = [20, 0, 0, 8] + [UInt8](repeating: 0, count: 6) + sizes + little(UInt16(name.utf8.count)) + [0, 0]
      directory += [0x50, 0x4B, 1, 2, 20, 0] + shared + [UInt8](repeating: 0, count: 10) + little(UInt32(bytes.count))
      directory += name.utf8
      bytes += [0x50, 0x4B, 3, 4] + shared + Array(name.utf8) + content
    }
    let count = little(UInt16(records.count))
    return bytes + directory + [0x50, 0x4B, 5, 6, 0, 0, 0, 0] + count + count + little(UInt32(directory.count))
      + little(UInt32(bytes.count)) + [0, 0]
  }

  private static func little(_ value: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }
}
