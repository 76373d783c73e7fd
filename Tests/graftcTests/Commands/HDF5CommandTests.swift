import Foundation
import GraftIR
import Testing

/// What is special about processes that read HDF5.
@Suite struct HDF5CommandTests {
  @Test("A file is read also where the system does not tell how children end, and a crash is no end")
  func untoldEnds() throws {
    let folder = try TemporaryFolder()
    func inspect(_ file: String) throws -> Graftc.Result {
      // dash does not ignore this signal.
      try Shell.run("exec bash -c 'trap \"\" CHLD; exec graftc inspect \"$FIXTURES/\(file)\"'", in: folder)
    }
    #expect(try inspect("formats/hdf5/plain.h5").code == 0)
    let crashed = try inspect("hostile/hdf5/hdf5_tree_cycle.h5")
    #expect(crashed.code == 74)
    #expect(crashed.error.contains("rule: hdf5.child"), "\(crashed.error)")
  }

  @Test("A tensor that was never written takes the memory of a run, however large its chunks are")
  func unwritten() throws {
    let folder = try TemporaryFolder()
    try FileManager.default.copyItem(atPath: Golden.folder + "/hdf5/unwritten.h5", toPath: folder("a.h5"))
    // So that the 64 MB of its one chunk are not more than a file may unpack to.
    try #require(truncate(folder("a.h5"), 70_000) == 0)
    let base = try Graftc.succeed(["version"]).peakByteCount
    let result = try Graftc.succeed(["convert", folder("a.h5"), folder("a.safetensors")])
    #expect(result.peakByteCount < base + 32 << 20)
    #expect(try folder.bytes("a.safetensors").count > 64 << 20)
  }
}
