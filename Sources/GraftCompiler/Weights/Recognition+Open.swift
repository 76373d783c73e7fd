import GraftIR

extension Recognition {
  /// The model with open what no tensor, note, preset or person tells.
  ///
  /// A number that is open stands in few shapes, but where it does, 1 may not divide what it must: then the model's own
  /// sizes are tried in its place.
  mutating func openModel(_ symbol: OperatorSymbol) throws(Diagnostic) -> Module {
    var reason: Diagnostic?
    var knowsPlaces = false
    for number in [1] + sizes(of: symbol) {
      var copy = self
      copy.leavesOpen = true
      copy.standIn = number
      do throws(Diagnostic) {
        var module = try copy.whole(copy.instantiated(symbol, prefix: [], surroundings: []))
        // Where one number shows what each place is given, another that does not is no better.
        if knowsPlaces, copy.signatures?.isEmpty == true { continue }
        module.markOpen()
        return module
      } catch {
        if reason == nil { reason = error }
        if copy.signatures?.isEmpty == false { knowsPlaces = true }
      }
    }
    throw reason ?? Diagnostic("recognise.unknown-model", "the tensors of \(file) are those of no model")
  }

  /// The whole numbers among the arguments that the file tells, each once.
  private func sizes(of symbol: OperatorSymbol) -> [Int] {
    var found: [Int] = []
    for (_, value) in recovered(symbol, root).sorted(by: { $0.key < $1.key }) {
      if case .number(let number) = value, let size = number.whole, size > 1, !found.contains(size) {
        found.append(size)
      }
    }
    return found
  }
}

extension ParameterType {
  /// Something of the type that makes few things impossible, or `nil` for what cannot stand for nothing; `number` where
  /// it is one.
  func placeholder(_ number: Int) -> Datum? {
    switch self {
    case .int, .float: .number(Number(number))
    case .bool: .bool(false)
    case .text: .text("")
    case .dtype: .dtype(.f32)
    case .list: .list([])
    case .words(let words): words.first.map { .word($0.text) }
    case .operator: nil
    }
  }
}

extension Module {
  /// Marks what is open here in all parts that have an argument of that label: it was handed on to them.
  mutating func markOpen(_ around: Set<String> = []) {
    let labels = around.union(openArguments)
    openArguments = labels.intersection(arguments.map(\.label))
    for index in parts.indices { parts[index].module.markOpen(labels) }
  }

  /// Whether an argument of it or of a part is open.
  var hasOpenArguments: Bool { !openArguments.isEmpty || parts.contains { $0.module.hasOpenArguments } }

  /// The words that ask for each argument that is open in this module or a part, once for each operator.
  var questions: [String] {
    var found: [String] = []
    func collect(_ module: Module, _ asked: Set<String>) {
      let own = module.openArguments.subtracting(asked).sorted()
      // What a rule works out needs no word once the rest is told.
      for label in own
      where module.unreadArguments.contains(label)
        || module.symbol?.recoveries.contains(where: { $0.0.text == label && !$0.1.isHearsay }) == false
      {
        let text = "--assume '\(module.operatorName)(\(label): ...)'"
        if !found.contains(text) { found.append(text) }
      }
      // What was handed on from here is asked for here.
      for (_, part) in module.parts { collect(part, asked.union(own)) }
    }
    collect(self, [])
    return found
  }
}
