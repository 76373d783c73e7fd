package import GraftFormats
package import GraftIR

/// An operator in its place: arguments settled, tensors named, parts inside.
package struct Module: Sendable {
  package enum Kind: Sendable {
    case `operator`(OperatorSymbol)
    /// Parts numbered from 0, called one after the other.
    case list
    /// A list `branches` that all read the same inputs, and `merge`, which brings their results together.
    case parallel
  }

  package let kind: Kind
  /// By parameter label, in the order of the declaration; empty for lists and parallel levels.
  package var arguments: [(label: String, name: String, value: Datum)] = []
  /// The sizes that letters in the types of operator parameters stand for, in order.
  package var letters: [(name: String, size: Int)] = []
  package var parameters: [ModuleParameter] = []
  package var parts: [(name: String, module: Module)] = []
  /// The names that entries see beside parts and tensors: arguments and `let`s of the body.
  package var scope: Scope
  /// What its operator says that it costs, by the paper's own count.
  package var cost: CostFormula?
  /// Where it stood in the base model, such as `blocks[20]`, for messages about renumbered lists.
  package var baseName: String?
  /// The base's part whose place it took, where it is not that part itself.
  var replacedName: String?
  /// Labels of arguments that hold something only because nothing tells what they are.
  var openArguments: Set<String> = []
  /// Those of them that no tensor tells, because the layout of the file leaves out what would.
  var unreadArguments: Set<String> = []
  /// What was said to the preset that it came from, for messages: `image 512`.
  var setting: String?

  /// Whether an edit put it in the place of another, which may have taken more inputs.
  package var isReplacement = false
  /// Whether `shared` named this copy: tensors that start from it are one with its own.
  var isNamedShared = false

  package init(_ kind: Kind, scope: Scope) {
    self.kind = kind
    self.scope = scope
  }

  package var symbol: OperatorSymbol? {
    if case .operator(let symbol) = kind { return symbol }
    return nil
  }

  package var isList: Bool {
    if case .list = kind { return true }
    return false
  }

  package var isParallel: Bool {
    if case .parallel = kind { return true }
    return false
  }

  /// What plans and messages call it.
  package var operatorName: String {
    switch kind {
    case .operator(let symbol): symbol.name
    case .list: "list"
    case .parallel: "parallel"
    }
  }

  package func part(_ name: String) -> Module? {
    if isList, let index = Int(name) {  // A list's parts are numbered in order.
      return parts.indices.contains(index) && String(index) == name ? parts[index].module : nil
    }
    return parts.first { $0.name == name }?.module
  }

  package subscript(path path: some Collection<String>) -> Module? {
    var module = self
    for name in path {
      guard let next = module.part(name) else { return nil }
      module = next
    }
    return module
  }

  /// The same module with the part at `path` changed.
  package mutating func update(_ path: ArraySlice<String>, _ change: (inout Module) -> Void) {
    guard let first = path.first else { return change(&self) }
    let position = isList ? Int(first) : parts.firstIndex { $0.name == first }
    guard let index = position, parts.indices.contains(index) else { return }
    parts[index].module.update(path.dropFirst(), change)
  }

  package func argument(_ name: String) -> Datum? {
    arguments.first { $0.label == name || $0.name == name }?.value
  }

  /// An argument, or a plain value that the body names.
  package func known(_ name: String) -> Datum? {
    if let argument = argument(name) { return argument }
    guard let value = scope.lookup(name), value.isPlain else { return nil }
    return value
  }

  /// A list of `entries`, numbered from 0.
  package static func list(_ entries: [Module], scope: Scope) -> Module {
    var list = Module(.list, scope: scope)
    list.parts = entries.enumerated().map { (String($0.offset), $0.element) }
    return list
  }

  /// The operators that it is made of, itself included.
  var moduleCount: Int { parts.reduce(1) { $0 + $1.module.moduleCount } }
}

/// `prefix.name`, or `name` alone at the top.
package func join(_ prefix: String, _ name: String) -> String { prefix.isEmpty ? name : prefix + "." + name }

/// A tensor of a module.
package struct ModuleParameter: Sendable {
  package let name: String
  package let shape: Shape
  package let isFrozen: Bool
  /// How it starts when nothing else is said; `nil` for zero.
  package var initial: Datum?
  /// The seed that a `starting fresh(seed: ...)` in a declaration gave.
  package var seed: UInt64?
  /// What it holds; `nil` until the module has its place.
  package var weight: WeightExpression?
  package var origin: WeightOrigin = .fresh
  /// What it has in common with the places that hold the same tensor; `nil` where it is the only one.
  package var share: SharedTensor?
  package let at: Location

  package init(name: String, shape: Shape, isFrozen: Bool, at: Location) {
    self.name = name
    self.shape = shape
    self.isFrozen = isFrozen
    self.at = at
  }
}

extension Int {
  /// The sum, or `max` where it is more: sizes and counts are never negative.
  package func addingClamped(_ other: Int) -> Int {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? .max : sum
  }

  /// The product, or `max` where it is more.
  func multipliedClamped(by other: Int) -> Int {
    let (product, overflow) = multipliedReportingOverflow(by: other)
    return overflow ? .max : product
  }
}
