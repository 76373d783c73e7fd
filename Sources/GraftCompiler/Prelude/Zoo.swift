import GraftIR
import GraftPrelude

/// The grafts that ship with the compiler: the published designs, and designs to adapt.
public enum Zoo {
  /// What one name stands for.
  public struct Item: Sendable, Hashable {
    /// What the name is a name of.
    public enum Kind: String, Sendable, Hashable {
      case graft, `operator`, model, preset, layout
    }

    /// As a graft or the command line says it.
    public let name: String
    /// What it is a name of.
    public let kind: Kind
    /// What it is, in one sentence.
    public let summary: String
    /// Its text as it is written.
    public let text: String
    /// Whether it is a preset of a model, which has tensors and figures as it is.
    public var isModelPreset = false
  }

  /// The names of the files, in alphabetical order.
  public static let names: [String] = (0..<graft_zoo_count()).compactMap { index in
    graft_zoo_name(index).map { String(cString: $0) }
  }

  /// The bytes of the file called `name`, with or without `.graft`, or `nil` where there is none.
  static func bytes(_ name: String) -> [UInt8]? {
    let name = name.hasSuffix(".graft") ? String(name.dropLast(6)) : name
    guard let index = names.firstIndex(of: name), let text = graft_zoo_text(index) else { return nil }
    return [UInt8](UnsafeBufferPointer(start: text, count: graft_zoo_length(index)))
  }

  /// Every graft, operator, model, preset and layout that ships, grafts by name, the others in the order of the
  /// prelude.
  public static let items: [Item] = {
    let grafts = names.compactMap { name -> Item? in
      guard let bytes = bytes(name) else { return nil }
      let source = SourceText(file: name, text: String(decoding: bytes, as: UTF8.self))
      var diagnostics = Diagnostics()
      let documentation = parse(source, into: &diagnostics).declarations.flatMap(\.documentation).first { !$0.isEmpty }
      return Item(name: name, kind: .graft, summary: (documentation ?? "").firstSentence, text: source.text)
    }
    let prelude = Library.prelude
    let operators = prelude.operatorNames.compactMap { prelude.operators[$0] }.map { symbol in
      Item(
        name: symbol.name, kind: symbol.declaration.isModel ? .model : .operator,
        summary: symbol.declaration.documentation.firstSentence, text: symbol.text)
    }
    let presets = prelude.presetNames.compactMap { prelude.presets[$0] }.map { preset in
      Item(
        name: preset.name, kind: .preset, summary: GraftCompiler.text(of: preset.declaration.value),
        text: preset.file.text(at: preset.declaration.at), isModelPreset: preset.isOfModel)
    }
    let layouts = prelude.layouts.map { layout in
      let summary = layout.declaration.documentation.firstSentence
      return Item(
        name: layout.name, kind: .layout, summary: "Of \(layout.modelName): \(summary)",
        text: layout.file.text(at: layout.declaration.at))
    }
    return grafts + operators.filter { $0.kind == .operator } + operators.filter { $0.kind == .model } + presets
      + layouts
  }()
}

extension PresetSymbol {
  /// Whether what it calls is a model.
  fileprivate var isOfModel: Bool {
    guard case .call(let callee, _) = declaration.value.kind, let name = callee.dottedName else { return false }
    return file.operator(name)?.declaration.isModel == true
  }
}

extension String {
  /// Up to the first full stop, on one line; that of an abbreviation is none.
  fileprivate var firstSentence: String {
    let words = split(whereSeparator: \.isWhitespace)
    let abbreviations: Set<Substring> = ["al.", "e.g.", "i.e.", "cf.", "vs."]
    let end = words.firstIndex { $0.hasSuffix(".") && !abbreviations.contains($0) } ?? words.endIndex - 1
    let sentence = words.prefix(end + 1).joined(separator: " ")
    return sentence.hasSuffix(".") ? String(sentence.dropLast()) : sentence
  }
}
