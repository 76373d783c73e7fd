import GraftIR

/// Where the edited model differs from its base, for telling what a number comes from.
extension GraftState {
  /// How many parameters more the model has than its base.
  var parameterChange: Int { architecture.parameterCount - base.parameterCount }

  /// The one path below which all parameters that were added or taken away are, such as `blocks[all].mlp`, where there
  /// is one.
  var changedParts: String? {
    var changed: [String] = []
    for (name, part) in architecture.parts {
      guard let old = base.part(name) else { return nil }
      if part.isList && old.isList && part.parts.count == old.parts.count {
        changed += changedEntries(name, part, old)
      } else if part.parameterCount != old.parameterCount {
        changed.append(name)
      }
    }
    return changed.count == 1 ? changed[0] : nil
  }

  /// `name[indices].part` for each part that differs in some entries.
  private func changedEntries(_ name: String, _ list: Module, _ old: Module) -> [String] {
    var indices: [String: [Int]] = [:]
    for (index, (new, old)) in zip(list.parts, old.parts).enumerated() {
      if new.module.parameterCount == old.module.parameterCount { continue }
      var found: [String] = []
      for (part, module) in new.module.parts where old.module.part(part)?.parameterCount != module.parameterCount {
        found.append(".\(part)")
      }
      for part in found.isEmpty ? [""] : found { indices[part, default: []].append(index) }
    }
    return indices.sorted { $0.key < $1.key }.map { part, indices in
      let all = indices.count == list.parts.count
      return "\(name)[\(all ? "all" : indices.map(String.init).joined(separator: ", "))]\(part)"
    }
  }
}
