import Foundation
import GraftFormats
import GraftIR
import Testing

/// Listing what a pickle would import.
@Suite struct PickleGlobalsTests {
  private func names(_ path: String) throws -> [String] {
    try PickleGlobals.list(path).map {
      "\($0.module).\($0.name)" + ($0.isCalled ? "()" : "") + ($0.isAllowed ? "" : " !")
    }
  }

  static let hostile: [(String, String)] = [
    ("code_os_system.pt", "os.system() !"), ("code_only_global.pt", "os.system !"),
    ("code_stack_global.pt", "posix.system() !"), ("code_newobj.pt", "subprocess.Popen() !"),
    ("code_old_instance.pt", "os.system() !"), ("code_object.pt", "os.system() !"), ("code_bare.pkl", "os.system() !"),
    ("code_legacy.pt", "os.system() !"), ("code_legacy_first.pt", "os.system() !"), ("code_build.pt", "os.environ !"),
    ("code_unknown_class.pt", "my_project.models.Net() !"), ("code_eval.pt", "builtins.eval() !"),
  ]

  /// The files are of the project's reference implementation, which says what they ask for.
  @Test("Names that would be imported are listed, called or not, allowed or not", arguments: hostile)
  func named(_ file: String, _ name: String) throws {
    #expect(try names(Fixtures.folder + "/hostile/torch/" + file).contains(name))
  }

  @Test("Each name is listed once, in the order of the file") func order() throws {
    #expect(
      try names(Fixtures.folder + "/formats/torch/numpy_inside.pt") == [
        "torch._utils._rebuild_tensor_v2()", "torch.FloatStorage", "collections.OrderedDict()",
        "numpy._core.multiarray.scalar()", "numpy.dtype()", "_codecs.encode()", "numpy._core.multiarray._reconstruct()",
        "numpy.ndarray",
      ])
    #expect(
      try names(Fixtures.folder + "/formats/torch/legacy_protocol4.pt").first == "torch._utils._rebuild_tensor_v2()")
  }

  @Test("A file without pickles names nothing", arguments: ["safetensors/zoo.safetensors", "numpy/stored.npz"])
  func noPickles(_ file: String) throws {
    #expect(try names(Fixtures.folder + "/formats/" + file) == [])
  }

  @Test("Every fixture and every hostile file can be asked") func everything() throws {
    for file in ExpectedFile.small.map(\.path) + HostileFile.all.map(\.path) {
      do throws(Diagnostic) { _ = try PickleGlobals.list(file) } catch {
        let page = error.rule.split(separator: ".").first.map(String.init) ?? ""
        #expect(["zip", "sharded", "json"].contains(page) || error.rule == "pytorch.compressed", "\(file)")
      }
    }
  }
}
