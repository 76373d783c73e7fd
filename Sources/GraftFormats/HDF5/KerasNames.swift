import GraftIR

// What Keras writes (keras 3.15 `legacy_h5_format.py`, `saving_lib.py`):
//
//   Keras 2, NAME.h5          the root, or `model_weights` of a whole model, lists its layers in the attribute
//                             `layer_names`; each layer is a group that lists its tensors in `weight_names`, paths
//                             inside that group. A list over 64,512 bytes is in parts: `layer_names0`, `layer_names1`
//                             and so on
//   Keras 3, NAME.weights.h5  the tensors of a layer are `0`, `1` and so on in a group `vars` of the layer's path

/// The order in which Keras lists a file's tensors.
struct KerasNames {
  /// The paths of the tensors, layer by layer, each where it is listed first.
  let paths: [String]

  /// Reads the lists of `survey`, or gives `nil` where there are none. A layer that is listed twice, and a tensor of
  /// it, are looked at once, so that the time is that of the lists.
  ///
  /// - Throws: `hdf5.keras-names` where a list has a name that is not there.
  init?(_ survey: HDF5Survey, _ tree: HDF5Tree, _ mapped: MappedFile) throws(Diagnostic) {
    var lists: [Int: [String: [String]]] = [:]
    for attribute in survey.attributes where attribute.isList {
      guard let group = tree.group(at: attribute.path) else { continue }
      lists[group, default: [:]][attribute.name] = attribute.texts
    }
    let roots = lists.compactMap { group, lists in
      Self.list("layer_names", lists).map { (path: survey.groups[group].path, group: group, layers: $0) }
    }
    guard !roots.isEmpty else { return nil }
    var paths: [String] = []
    var layersSeen: Set<Int> = []
    var seen: Set<HDF5Tree.Member> = []
    for root in roots.sorted(by: { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }) {
      for layer in root.layers {
        guard case .group(let group) = tree.member(at: layer, from: root.group), layersSeen.insert(group).inserted,
          let weights = lists[group].flatMap({ Self.list("weight_names", $0) })
        else { continue }
        for weight in weights {
          switch tree.member(at: weight, from: group) {
          case .dataset(let number):
            if seen.insert(.dataset(number)).inserted { paths.append(survey.datasets[number].path) }
          case .link(let number):
            if seen.insert(.link(number)).inserted { paths.append(survey.links[number].path) }
          case .group, nil:
            throw Diagnostic(
              "hdf5.keras-names", "the layer '\(layer.shortened)' lists '\(weight.shortened)', which is not there",
              at: Location(mapped.path, tensor: survey.groups[group].path + "/" + weight))
          }
        }
      }
    }
    self.paths = paths
  }

  /// The list called `name`, put together from its parts.
  private static func list(_ name: String, _ lists: [String: [String]]) -> [String]? {
    if let whole = lists[name] { return whole }
    guard lists[name + "0"] != nil else { return nil }
    var all: [String] = []
    var part = 0
    while let texts = lists["\(name)\(part)"] {
      all += texts
      part += 1
    }
    return all
  }

  /// What a person should know of a file of Keras.
  static func notes(_ survey: HDF5Survey, _ path: String) -> [String] {
    let isKeras =
      survey.attributes.contains { $0.name == "layer_names" || $0.name == "layer_names0" }
      || survey.groups.contains { $0.path == "vars" || $0.path.hasSuffix("/vars") }
    return isKeras
      ? ["'\(path)' is of Keras, whose kernels are (in, out) and (height, width, in, out), not torch's way round"] : []
  }
}
