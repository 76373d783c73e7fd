package import GraftIR

/// An operator or model, and the file whose names its body sees.
package final class OperatorSymbol: Sendable, Hashable {
  package let declaration: OperatorDeclaration
  package let file: FileScope

  /// The declaration as it is written.
  package let text: String

  package init(_ declaration: OperatorDeclaration, file: FileScope) {
    self.declaration = declaration
    self.file = file
    text = file.text(at: declaration.at)
  }

  package var name: String { declaration.name.text }

  /// The same operator is the same text under the same name: what a checkpoint carries equals the prelude's.
  package static func == (a: OperatorSymbol, b: OperatorSymbol) -> Bool {
    a === b || (a.name == b.name && a.text == b.text)
  }
  package func hash(into hasher: inout Hasher) { hasher.combine(name) }

  /// The entry called `name`, at the top of the body.
  package func entry(_ name: String) -> Entry? {
    for case .entry(let entry) in declaration.members where entry.name.text == name { return entry }
    return nil
  }

  package var entries: [Entry] {
    declaration.members.compactMap {
      if case .entry(let entry) = $0 { return entry }
      return nil
    }
  }

  package var adoptions: [Adopt] {
    declaration.members.compactMap {
      if case .adopt(let adopt) = $0 { return adopt }
      return nil
    }
  }

  package var recoveries: [(Name, Expression)] {
    declaration.members.compactMap {
      if case .recover(let name, let value) = $0 { return (name, value) }
      return nil
    }
  }
}

extension OperatorSymbol {
  /// The names of all parts and tensors that it may have.
  package var declaredNames: Set<String> {
    var names = Set(operatorParameters.map(\.name.text))
    func collect(_ members: [Member]) {
      for member in members {
        switch member {
        case .part(let name, _): names.insert(name.text)
        case .parameter(let tensor): names.insert(tensor.name.text)
        case .conditional(_, let then, let otherwise):
          collect(then)
          collect(otherwise)
        case .loop(_, let body): collect(body)
        case .let, .table, .entry, .adopt, .recover, .cost: break
        }
      }
    }
    collect(declaration.members)
    return names
  }
}

/// A layout of a model, and the file whose names it sees.
package final class LayoutSymbol: Sendable {
  package let declaration: LayoutDeclaration
  package let file: FileScope

  package init(_ declaration: LayoutDeclaration, file: FileScope) {
    self.declaration = declaration
    self.file = file
  }

  package var name: String { declaration.name.text }
  package var modelName: String { declaration.model.text }
}

package final class PresetSymbol: Sendable {
  package let declaration: PresetDeclaration
  package let file: FileScope

  package init(_ declaration: PresetDeclaration, file: FileScope) {
    self.declaration = declaration
    self.file = file
  }

  package var name: String { declaration.name.text }
}

/// What one file declares, and where it looks further: its imports, then the prelude.
package final class FileScope: @unchecked Sendable {
  // Filled once while the file is loaded, before anything reads it.
  package let sources: [SourceText]
  package let isPrelude: Bool
  package private(set) var operators: [String: OperatorSymbol] = [:]
  package private(set) var presets: [String: PresetSymbol] = [:]
  package private(set) var lets: [String: LetDeclaration] = [:]
  package private(set) var grafts: [GraftDeclaration] = []
  /// In the order of the file.
  package private(set) var layouts: [LayoutSymbol] = []
  /// In the order of the file.
  package private(set) var operatorNames: [String] = []
  package private(set) var presetNames: [String] = []
  package let parents: [FileScope]
  /// Where the imports stand, each for the parent of its number.
  let importPlaces: [Location]
  /// What it looks through after itself: its imports, then what those see; each once.
  private let further: [FileScope]

  /// Grafts that a file may hold, at most.
  static let graftLimit = 1000

  package init(
    _ tree: SyntaxTree, sources: [SourceText], parents: [FileScope], isPrelude: Bool, diagnostics: inout Diagnostics
  ) {
    self.sources = sources
    self.parents = parents
    importPlaces = tree.imports.map(\.at)
    self.isPrelude = isPrelude
    further = Self.order(parents)
    var seen: Set<String> = []
    var graftNames: Set<String> = []
    var repetitions = 0
    func isNew(_ name: Name) -> Bool {
      if !seen.insert(name.text).inserted {
        diagnostics.report(
          Diagnostic("names.declared-twice", "'\(name.text)' is declared twice in this file", at: name.at))
        repetitions += 1
        return false
      }
      return true
    }
    for declaration in tree.declarations {
      if repetitions > 100 { break }
      switch declaration {
      case .operator(let item):
        if !isNew(item.name) { continue }
        operators[item.name.text] = OperatorSymbol(item, file: self)
        operatorNames.append(item.name.text)
      case .preset(let item):
        if !isNew(item.name) { continue }
        presets[item.name.text] = PresetSymbol(item, file: self)
        presetNames.append(item.name.text)
      case .layout(let item):
        if layouts.contains(where: { $0.name == item.name.text && $0.modelName == item.model.text }) {
          diagnostics.report(
            Diagnostic(
              "names.declared-twice",
              "layout '\(item.name.text)' of '\(item.model.text)' is declared twice in this file",
              at: item.name.at))
          repetitions += 1
        } else {
          layouts.append(LayoutSymbol(item, file: self))
        }
      case .let(let item): if isNew(item.name) { lets[item.name.text] = item }
      case .graft(let item):
        if !graftNames.insert(item.name.text).inserted {
          diagnostics.report(
            Diagnostic(
              "names.declared-twice", "graft \"\(item.name.text)\" is declared twice in this file", at: item.name.at))
          repetitions += 1
        } else if grafts.count == Self.graftLimit {
          diagnostics.report(
            Diagnostic("limits.grafts", "a file holds more than \(Self.graftLimit) grafts", at: item.name.at))
          return
        } else {
          grafts.append(item)
        }
      }
    }
  }

  /// What the file declares beside grafts, for a person to read: `2 operators and 1 preset`; `nil` where that is
  /// nothing.
  var contents: String? {
    let models = operators.values.count { $0.declaration.isModel }
    let counts = [
      (operators.count - models, "operator"), (models, "model"), (presets.count, "preset"), (lets.count, "constant"),
    ]
    let parts = counts.filter { $0.0 > 0 }.map { counted($0.0, $0.1) }
    guard let last = parts.last else { return nil }
    return parts.count == 1 ? last : parts.dropLast().joined(separator: ", ") + " and " + last
  }

  /// The text that `location` points at.
  package func text(at location: Location) -> String {
    guard let source = sources.first(where: { $0.file == location.file }) else { return "" }
    let text = source.text.utf8
    let range = location.range.clamped(to: 0..<text.count)
    let start = text.index(text.startIndex, offsetBy: range.lowerBound)
    let end = text.index(start, offsetBy: range.count)
    return String(decoding: text[start..<end], as: UTF8.self)
  }

  /// This file, then its imports, then what those see; each once.
  package var searchOrder: [FileScope] { [self] + further }

  private static func order(_ parents: [FileScope]) -> [FileScope] {
    var order: [FileScope] = []
    var seen: Set<ObjectIdentifier> = []
    var level = parents
    while !level.isEmpty {
      var next: [FileScope] = []
      for file in level where seen.insert(ObjectIdentifier(file)).inserted {
        order.append(file)
        next += file.parents
      }
      level = next
    }
    return order
  }

  package func `operator`(_ name: String) -> OperatorSymbol? {
    if let found = operators[name] { return found }
    for file in further { if let found = file.operators[name] { return found } }
    return nil
  }

  package func preset(_ name: String) -> PresetSymbol? {
    if let found = presets[name] { return found }
    for file in further { if let found = file.presets[name] { return found } }
    return nil
  }

  /// Every layout of the model called `model` that can be seen, nearest file first; of two of one name the nearer.
  package func layouts(of model: String) -> [LayoutSymbol] {
    var names: Set<String> = []
    return searchOrder.flatMap { file in
      file.layouts.filter { $0.modelName == model && names.insert($0.name).inserted }
    }
  }

  package func `let`(_ name: String) -> (LetDeclaration, FileScope)? {
    if let found = lets[name] { return (found, self) }
    for file in further { if let found = file.lets[name] { return (found, file) } }
    return nil
  }

  /// Every operator and model that can be seen, nearest file first.
  package var visibleOperators: [OperatorSymbol] {
    var names: Set<String> = []
    return searchOrder.flatMap { file in
      file.operatorNames.compactMap { names.insert($0).inserted ? file.operators[$0] : nil }
    }
  }

  package var visiblePresets: [PresetSymbol] {
    var names: Set<String> = []
    return searchOrder.flatMap { file in
      file.presetNames.compactMap { names.insert($0).inserted ? file.presets[$0] : nil }
    }
  }
}
