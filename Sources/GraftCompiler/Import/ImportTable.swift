import GraftFormats
import GraftIR
import GraftPrelude

/// How published configurations name models, parts and operators, and what each of their keys means: the table
/// `specs/import/configurations.json`, so that no operator's name stands in the program.
struct ImportTable: Sendable {
  /// What a key of a configuration is to a graft.
  struct Key: Sendable {
    let name: String
    /// The label of the argument that it gives.
    let argument: String?
    /// Whether the place of the operator gives that argument too.
    let isImplied: Bool
    /// What holds where the key is left out; `nil` where it has to be given.
    let standard: JSON?
    /// The only value that the graft's operator computes.
    let required: JSON?
    /// Why it makes no difference.
    let inert: String?
    /// What the published code does wrong with it: always, where it is not `expected`, or where it differs from the key
    /// `twin`.
    let fault: String?
    let expected: JSON?
    let twin: String?
    /// The option of the command line that takes its place.
    let option: String?
    /// The argument of `finetune` that it gives.
    let training: String?
  }

  /// An operator's configuration.
  struct Operator: Sendable {
    /// What configurations call it.
    let names: [String]
    /// A key that has to be true where several operators have the name.
    let condition: String?
    /// The operator that it is.
    let call: String
    let keys: [Key]
  }

  /// A part of a configuration that says which blocks are replaced.
  struct Section: Sendable {
    let name: String
    /// The key of the file that holds the whole model.
    let checkpoint: String
    let keys: [Key]
  }

  /// A model, by its published name.
  struct Model: Sendable {
    let name: String
    /// The call, with `{image}` for the side of a picture.
    let call: String
    /// The file of its weights, likewise; `nil` where the published code loads none.
    let checkpoint: String?
  }

  let models: [Model]
  /// Paths of parts with `{i}` for an index, by what configurations call the part.
  let parts: [(type: String, path: String)]
  let operators: [Operator]
  let sections: [Section]
  /// Sections beside those, which do not bear on a graft.
  let otherSections: [String]
  private let configuration: JSON

  /// The table that is built in.
  static let shared: ImportTable = {
    let bytes = UnsafeBufferPointer(start: graft_import_table_text(), count: graft_import_table_length())
    do throws(Diagnostic) {
      return ImportTable(try JSON(parsing: bytes, file: "specs/import/configurations.json"))
    } catch {
      preconditionFailure("the table of configurations does not parse: \(error.message)")
    }
  }()

  private init(_ table: JSON) {
    let configuration = table["configuration"] ?? .null
    self.configuration = configuration
    models = (table["models"]?.listValue ?? []).map { model in
      Model(name: model.text("name"), call: model.text("call"), checkpoint: model["checkpoint"]?.textValue)
    }
    parts = (table["parts"]?.listValue ?? []).map { ($0.text("type"), $0.text("path")) }
    operators = (table["operators"]?.listValue ?? []).map { item in
      Operator(
        names: item["names"]?.listValue?.compactMap(\.textValue) ?? [], condition: item["when"]?.textValue,
        call: item.text("call"), keys: Key.all(of: item))
    }
    sections = (configuration["sections"]?.listValue ?? []).map { item in
      Section(name: item.text("name"), checkpoint: item.text("checkpoint"), keys: Key.all(of: item))
    }
    otherSections = configuration["other_sections"]?.listValue?.compactMap(\.textValue) ?? []
  }

  /// The spelling of a key of the configuration itself: `model`, `operator.type` and the like.
  func key(_ name: String...) -> String {
    name.reduce(configuration) { $0[$1] ?? .null }.textValue ?? ""
  }
}

extension ImportTable.Key {
  fileprivate static func all(of item: JSON) -> [Self] {
    (item["keys"]?.members ?? []).map { member in
      let value = member.value
      return Self(
        name: member.name, argument: value["argument"]?.textValue, isImplied: value["implied"]?.boolValue ?? false,
        standard: value["default"], required: value["must"], inert: value["inert"]?.textValue,
        fault: value["fault"]?.textValue, expected: value["expects"], twin: value["like"]?.textValue,
        option: value["option"]?.textValue, training: value["training"]?.textValue)
    }
  }
}

extension JSON {
  fileprivate func text(_ name: String) -> String { self[name]?.textValue ?? "" }
}
