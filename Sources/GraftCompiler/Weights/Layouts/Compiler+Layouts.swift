import GraftFormats
import GraftIR

/// Which layout a checkpoint is in, and what its tensors are in the model's own.
extension Compiler {
  /// The layout of `model` that `opened` is in, or `nil` where it calls tensors as the model does.
  ///
  /// - Parameter said: The layout that a person named.
  /// - Throws: `layouts.unknown`, `layouts.ask`, and what a layout's lines throw.
  func layout(
    of model: Module, in opened: Checkpoints.Opened, _ names: FileScope, said: String?, at: Location?,
    _ evaluator: Evaluator
  ) throws(Diagnostic) -> LayoutMap? {
    guard let symbol = model.symbol else { return nil }
    if let said, isOwnLayout(said, of: symbol, names) { return nil }
    let (file, metadata) = (opened.reader.file, opened.reader.metadata)
    if said == nil, let own = try SelfDescription.layout(from: metadata, of: symbol.name, file: file) {
      return try LayoutMap(own, of: model, evaluator)
    }
    if let said {
      return try LayoutMap(try namedLayout(said, of: symbol, names, at: at), of: model, evaluator)
    }
    var own = 0
    var count = 0
    model.forEachParameter { name, _ in
      count += 1
      if opened.entries[name] != nil { own += 1 }
    }
    if own == count { return nil }
    var fitting: [LayoutMap] = []
    var best: (map: LayoutMap, known: Int)?
    for layout in layouts(of: symbol, names) {
      let map = try LayoutMap(layout, of: model, evaluator)
      let known = map.stored.count { opened.entries[$0.name] != nil }
      if known == map.stored.count { fitting.append(map) }
      if known > best?.known ?? own { best = (map, known) }
    }
    if fitting.count > 1 { throw Self.severalLayouts(fitting.map(\.name), file) }
    if let only = fitting.first { return only }
    // What most tensors are called as is meant, and what is missing is told in its names.
    guard let best, 2 * best.known > opened.entries.count else { return nil }
    return best.map
  }

  /// Whether a layout called `name` is what `model` itself calls its tensors: `model`, or the model's name where no
  /// layout has that.
  func isOwnLayout(_ name: String, of model: OperatorSymbol, _ names: FileScope) -> Bool {
    name == SelfDescription.ownLayout
      || name == model.name && !layouts(of: model, names).contains { $0.name == name }
  }

  private func layouts(of model: OperatorSymbol, _ names: FileScope) -> [LayoutSymbol] {
    var known: Set<String> = []
    return (names.layouts(of: model.name) + model.file.layouts(of: model.name)).filter {
      known.insert($0.name).inserted
    }
  }

  /// The layout called `name`.
  ///
  /// - Throws: `layouts.unknown`.
  func namedLayout(
    _ name: String, of model: OperatorSymbol, _ names: FileScope, at: Location?
  ) throws(Diagnostic) -> LayoutSymbol {
    let all = layouts(of: model, names)
    if let found = all.first(where: { $0.name == name }) { return found }
    let known = [SelfDescription.ownLayout] + all.map(\.name)
    throw Diagnostic(
      "layouts.unknown", "'\(model.name)' has no layout '\(name)'", at: at,
      label: suggestion(for: name, among: known).map { "did you mean '\($0)'?" },
      help: "its layouts are " + known.joined(separator: ", "), category: at == nil ? .usage : .badData)
  }

  private static func severalLayouts(_ names: [String], _ file: String) -> Diagnostic {
    Diagnostic(
      "layouts.ask",
      "the tensors of \(file) are called as in layouts \(names.map { "'\($0)'" }.joined(separator: " and "))",
      at: Location(file), help: "say which: --layout \(names[0])")
  }

  /// The model whose tensors in some layout are those of a file.
  ///
  /// - Parameters:
  ///   - said: The layout that a person named.
  ///   - failure: Why the file is no model's in its own names, where that was tried.
  func recogniseInLayout(
    _ opened: Checkpoints.Opened, _ names: FileScope, said: String?, failure: Diagnostic?, _ evaluator: Evaluator
  ) throws(Diagnostic) -> Module {
    let entries = opened.shapes
    var found: [(module: Module, layout: LayoutSymbol)] = []
    var best: (reason: Diagnostic, count: Int)?
    var isKnown = false
    for model in names.visibleOperators where model.declaration.isModel {
      for layout in layouts(of: model, names) where said == nil || layout.name == said {
        isKnown = true
        let lines = try LayoutLines(layout, of: model)
        let translation = LayoutTranslation(entries, lines, evaluator)
        if translation.matchCount == 0 { continue }
        do throws(Diagnostic) {
          found.append((try recognise(translation, lines, model, opened, names, evaluator), layout))
        } catch {
          if translation.matchCount > best?.count ?? 0 { best = (error, translation.matchCount) }
        }
      }
    }
    if let said, !isKnown {
      throw Diagnostic("layouts.unknown", "no model in sight has a layout '\(said)'", category: .usage)
    }
    if found.count > 1 { throw Self.severalLayouts(found.map(\.layout.name), opened.reader.file) }
    if let only = found.first { return only.module }
    if let best, failure == nil || 2 * best.count > entries.count { throw best.reason }
    throw failure
      ?? Diagnostic(
        "recognise.unknown-model", "no tensor of \(opened.reader.file) is called as in layout '\(said ?? "")'",
        at: Location(opened.reader.file))
  }

  private func recognise(
    _ translation: LayoutTranslation, _ lines: LayoutLines, _ model: OperatorSymbol, _ opened: Checkpoints.Opened,
    _ names: FileScope, _ evaluator: Evaluator
  ) throws(Diagnostic) -> Module {
    let file = opened.reader.file
    if let (name, owner) = translation.missing {
      throw Diagnostic(
        "weights.missing",
        "tensor '\(name)' is missing from \(file): layout '\(lines.symbol.name)' makes '\(owner)' of it",
        at: Location(file, tensor: name))
    }
    func recognition() throws(Diagnostic) -> Recognition {
      var recognition = Recognition(
        translation.tensors, metadata: opened.noted, file: file, names: names,
        assumptions: try assumptions(names), evaluator: evaluator)
      recognition.onlyModel = model
      recognition.omitted = Set(lines.omissions.compactMap { $0.filled([:]) })
      recognition.unshaped = translation.unshaped
      return recognition
    }
    if options.leavesOpen {
      var open = try recognition()
      open.leavesOpen = true
      if let module = try? open.model() { return module }
    }
    var recognition = try recognition()
    return try recognition.model()
  }

  /// Gives every tensor of `module` its formula over a checkpoint in the layout `map`.
  func fill(
    _ module: inout Module, through map: LayoutMap, from opened: Checkpoints.Opened, number: Int, at: Location?
  ) throws(Diagnostic) {
    let file = opened.reader.file
    try module.mapParameters { name, parameter throws(Diagnostic) in
      guard let formula = map.formulas[name] else {
        // The layout does not hold it: it is what its operator starts it as.
        parameter.weight = freshWeight(parameter, name: name, seed: 0)
        parameter.origin = .computed
        return
      }
      parameter.weight = try formula.substituting { (tensor) throws(Diagnostic) in
        guard let index = opened.entries[tensor.name] else {
          throw Diagnostic(
            "weights.missing",
            "tensor '\(tensor.name)' is missing from \(file): expected f32 \(tensor.shape), as layout '\(map.name)' has it",
            at: at ?? Location(file, tensor: tensor.name))
        }
        let entry = opened.reader.entries[index]
        return try sourceTensor(entry, named: entry.name, source: number, for: tensor.shape, in: file, at: at)
      }
      parameter.origin = .kept
    }
  }
}

extension FileScope {
  /// How the layouts in sight call the tensors of `model`; a layout that is wrong is left out.
  func layoutMaps(of model: Module, _ evaluator: Evaluator) -> [LayoutMap] {
    guard let symbol = model.symbol else { return [] }
    return layouts(of: symbol.name).compactMap { try? LayoutMap($0, of: model, evaluator) }
  }
}

extension Checkpoints.Opened {
  /// The names of the tensors that `model` has no place for.
  func names(besides model: Module) -> Set<String> {
    var rest = Set(entries.keys)
    model.forEachParameter { name, _ in rest.remove(name) }
    return rest
  }

  /// What is noted beside the tensors: in the file, else beside it.
  var noted: [String: String] { settings.merging(reader.metadata) { _, own in own } }

  /// The names and shapes of all tensors, by name.
  var shapes: [(name: String, shape: Shape)] {
    entries.sorted { $0.key < $1.key }.map { (name: $0.key, shape: reader.entries[$0.value].shape) }
  }
}
