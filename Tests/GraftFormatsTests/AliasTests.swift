import Foundation
import GraftFormats
import GraftIR
import Testing

/// Tensors that are tied to each other, in formats that have that and in those that do not.
@Suite struct AliasTests {
  static let fixture = Fixtures.folder + "/formats/torch/zip.pt"

  private func ties(_ reader: any CheckpointReader) -> [String: String] {
    reader.aliases.reduce(into: [:]) { $0[reader.entries[$1.key].name] = reader.entries[$1.value.target].name }
  }

  /// The fixture ties `shared.b` to `shared.a`, shows its last rows, and shows one tensor in other orders.
  @Test("A PyTorch file tells which tensors show the same storage") func reading() throws {
    let reader = try Formats.open(Self.fixture)
    let ties = ties(reader)
    #expect(ties["shared.b"] == "shared.a" && ties["shared.tail"] == "shared.a")
    let tail = try #require(reader.entries.firstIndex { $0.name == "shared.tail" })
    let tie = try #require(reader.aliases[tail])
    #expect(tie.offset == 7 && tie.strides == [7, 1])
  }

  @Test("Ties and values survive another format and the way back", arguments: ["safetensors", "pt"])
  func roundTrip(_ suffix: String) throws {
    let folder = try TemporaryFolder()
    let first = try Formats.open(Self.fixture)
    let (middle, back) = (folder.path + "/x.\(suffix)", folder.path + "/back.pt")
    var plan = WeightPlan(copying: first)
    if suffix == "safetensors" { plan.tensors.removeAll { $0.dtype == .c128 } }  // Nothing is tied to it.
    let names = plan.tensors.map(\.name)
    let moved = Dictionary(plan.tensors.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { a, _ in a })
    for index in plan.tensors.indices {
      plan.tensors[index].alias = plan.tensors[index].alias.flatMap { alias in
        moved[first.entries[alias.target].name].map {
          TensorAlias(target: $0, offset: alias.offset, strides: alias.strides)
        }
      }
    }
    try TransferEngine.run(plan, readers: [first], to: middle)
    let second = try Formats.open(middle)
    try TransferEngine.run(WeightPlan(copying: second), readers: [second], to: back)
    let third = try Formats.open(back)
    for reader in [second, third] {
      #expect(ties(reader) == ties(first))
      #expect(Set(reader.entries.map(\.name)) == Set(names))
      #expect(reader.metadata["graft.aliases"] == nil)
      for (index, entry) in reader.entries.enumerated() {
        let original = try #require(first.entries.firstIndex { $0.name == entry.name })
        #expect(try Fixtures.digest(reader.tensor(at: index)) == Fixtures.digest(first.tensor(at: original)))
      }
    }
  }

  @Test("A part keeps the ties of its own, and a stand-in where the target is left out") func selection() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/x.safetensors"
    try TransferEngine.write(
      [("m/a", Tensor([1, 2], [2]))], metadata: ["graft.aliases": #"{"n/b":"m/a","n/c":"m/a"}"#], to: path)
    let whole = try Formats.open(path)
    #expect(whole.entries.map(\.name) == ["m/a", "n/b", "n/c"] && whole.aliases.count == 2)
    #expect(whole.strippingWrapperPrefixes().reader.aliases.count == 2)
    let nested = folder.path + "/x.pt"
    var options = TransferEngine.Options()
    options.key = "n"
    var plan = WeightPlan(copying: whole)
    plan.tensors[1].alias = nil
    plan.tensors[2].alias = TensorAlias(wholeOf: 1, shape: [2])
    try TransferEngine.run(plan, readers: [whole], to: nested, options: options)
    let part = try Formats.open(nested).selecting("n")
    #expect(ties(part) == ["n/c": "n/b"])
  }

  static let broken = [
    "[]", "7", #"{"a":"a"}"#, #"{"b":"x"}"#, #"{"b":7}"#, #"{"b":{"of":"a"}}"#, #"{"b":"a","c":"b"}"#,
    #"{"b":{"of":"a","offset":0,"shape":[3],"strides":[1]}}"#,
    #"{"b":{"of":"a","offset":-1,"shape":[1],"strides":[1]}}"#,
    #"{"b":{"of":"a","offset":0,"shape":[-1],"strides":[1]}}"#,
    #"{"b":{"of":"a","offset":0,"shape":[2],"strides":[]}}"#,
    #"{"b":{"of":"a","offset":0,"shape":[1000000],"strides":[0]}}"#,
    #"{"b":{"of":"a","offset":0,"shape":[9000000000000000000],"strides":[0]}}"#,
    #"{"b":{"of":"a","offset":1,"shape":[2,1],"strides":[9223372036854775807,1]}}"#,
  ]

  @Test("Ties to what is not there are refused", arguments: broken)
  func refusal(_ text: String) throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/x.safetensors"
    try TransferEngine.write([("a", Tensor([1, 2], [2]))], metadata: ["graft.aliases": text], to: path)
    let error = #expect(throws: Diagnostic.self) { try Formats.open(path) }
    #expect(error?.rule == "checkpoint.aliases")
  }
}
