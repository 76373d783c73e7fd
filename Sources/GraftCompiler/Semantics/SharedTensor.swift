package import GraftIR

/// What makes tensors in several places one: a token that all of them carry.
///
/// They are stored once, under the name of the first place in the order of the model, and counted once. A copy of a
/// part carries the tokens too, so blocks may be moved, repeated and run side by side; a tensor that is given a value
/// loses its own, unless the value was named `shared`.
package final class SharedTensor: Sendable {
  package init() {}
}

extension Module {
  /// Calls `visit` with every tensor and its full name, in the order of a checkpoint: own tensors, then parts. A tensor
  /// that several places share comes once, under its first name.
  package func forEachParameter(_ prefix: String = "", _ visit: (String, ModuleParameter) -> Void) {
    var seen: Set<ObjectIdentifier> = []
    forEachPlace(prefix) { name, parameter in
      if let share = parameter.share, !seen.insert(ObjectIdentifier(share)).inserted { return }
      visit(name, parameter)
    }
  }

  /// The same with every place, under the name that the tensor would have if it were not shared.
  package func forEachPlace(_ prefix: String = "", _ visit: (String, ModuleParameter) -> Void) {
    for parameter in parameters { visit(join(prefix, parameter.name), parameter) }
    for (name, part) in parts { part.forEachPlace(join(prefix, name), visit) }
  }

  /// Changes every tensor, given the name that it is stored under; all places of one that is shared, one after the
  /// other.
  package mutating func mapParameters(
    _ prefix: String = "", _ change: (String, inout ModuleParameter) throws(Diagnostic) -> Void
  ) throws(Diagnostic) {
    var names: [ObjectIdentifier: String] = [:]
    try mapPlaces(prefix) { name, parameter throws(Diagnostic) in
      var stored = name
      if let share = parameter.share.map({ ObjectIdentifier($0) }) {
        stored = names[share] ?? name
        names[share] = stored
      }
      try change(stored, &parameter)
    }
  }

  /// The same, given the name of the place.
  package mutating func mapPlaces(
    _ prefix: String = "", _ change: (String, inout ModuleParameter) throws(Diagnostic) -> Void
  ) throws(Diagnostic) {
    for index in parameters.indices { try change(join(prefix, parameters[index].name), &parameters[index]) }
    for index in parts.indices { try parts[index].module.mapPlaces(join(prefix, parts[index].name), change) }
  }

  /// The elements of all tensors, those that are shared counted once; at most `Int.max`.
  package var parameterCount: Int {
    var counted: Set<ObjectIdentifier> = []
    return parameterCount(besides: &counted)
  }

  /// The elements of all tensors besides those shared ones that `counted` holds, which grows by what is counted here.
  func parameterCount(besides counted: inout Set<ObjectIdentifier>) -> Int {
    var count = ownParameterCount(besides: &counted)
    for (_, part) in parts { count = count.addingClamped(part.parameterCount(besides: &counted)) }
    return count
  }

  /// The same without the parts.
  func ownParameterCount(besides counted: inout Set<ObjectIdentifier>) -> Int {
    var count = 0
    for parameter in parameters {
      if let share = parameter.share, !counted.insert(ObjectIdentifier(share)).inserted { continue }
      count = count.addingClamped(parameter.shape.elementCount ?? .max)
    }
    return count
  }

  /// The name that each shared tensor is stored under.
  var storedNames: [ObjectIdentifier: String] {
    var names: [ObjectIdentifier: String] = [:]
    forEachPlace { name, parameter in
      guard let share = parameter.share.map({ ObjectIdentifier($0) }), names[share] == nil else { return }
      names[share] = name
    }
    return names
  }

  /// The names of all places of each tensor that stands in several, in the order of the model.
  var sharedPlaces: [[String]] {
    var order: [ObjectIdentifier] = []
    var places: [ObjectIdentifier: [String]] = [:]
    forEachPlace { name, parameter in
      guard let share = parameter.share.map({ ObjectIdentifier($0) }) else { return }
      if places[share] == nil { order.append(share) }
      places[share, default: []].append(name)
    }
    return order.compactMap { places[$0] }.filter { $0.count > 1 }
  }
}

extension GraftState {
  /// `shared PATH`: the part or tensor there, whose weights are one set from now on wherever they are copied to.
  func shared(_ selection: Selection, at: Location) throws(Diagnostic) -> Datum {
    guard selection.items.count == 1, let path = selection.items.first?.path else {
      throw Diagnostic(
        "values.one-part", "'shared' names one part, and this names \(selection.items.count)", at: at)
    }
    try share(path)
    if var module = architecture[path: path] {
      module.isNamedShared = true
      return .module(module)
    }
    let datum = evaluator.resolved(.selection(selection), Environment(scope: .bare, place: .graft(self)))
    guard case .tensor(var tensor) = datum else { return datum }
    tensor.share = architecture[path: path.dropLast()]?.parameters.first { $0.name == path.last }?.share
    return .tensor(tensor)
  }

  /// Shares what `expression` names as shared, before it is worked out: such a part is one set of weights wherever the
  /// statement uses it, as in `[old, shared old]`.
  func share(_ expression: Expression, _ environment: Environment) {
    for named in expression.all({ if case .shared = $0.kind { true } else { false } }) {
      // What cannot be worked out here is told where it stands.
      _ = try? evaluator.evaluate(named, environment)
    }
  }

  private func share(_ path: [String]) throws(Diagnostic) {
    var copy = architecture
    if var module = copy[path: path] {
      try module.mapPlaces { _, parameter throws(Diagnostic) in parameter.share = parameter.share ?? SharedTensor() }
      copy.update(path[...]) { $0 = module }
    } else {
      copy.update(path.dropLast()) { owner in
        guard let index = owner.parameters.firstIndex(where: { $0.name == path.last }) else { return }
        owner.parameters[index].share = owner.parameters[index].share ?? SharedTensor()
      }
    }
    architecture = copy
  }
}
