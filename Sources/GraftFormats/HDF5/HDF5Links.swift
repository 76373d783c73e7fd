import GraftIR

/// Where soft links lead. Each is followed once, so that links to links take no longer than their texts.
struct HDF5Links {
  enum Goal {
    case group(Int)
    case dataset(Int)
    case nothing
  }

  private enum State {
    case unknown
    /// It is being followed.
    case open
    case known(Goal, linkCount: Int)
  }

  /// Through how many links one leads at most, itself among them.
  static let limit = 64

  private let survey: HDF5Survey
  private let tree: HDF5Tree
  private var states: [State]

  init(_ survey: HDF5Survey, _ tree: HDF5Tree) {
    self.survey = survey
    self.tree = tree
    states = [State](repeating: .unknown, count: survey.links.count)
  }

  /// What the link `number` leads to, or `nil` where it goes in a circle, or through more others than the limit.
  mutating func goal(of number: Int) -> Goal? { follow(number, within: Self.limit)?.goal }

  private mutating func follow(_ number: Int, within limit: Int) -> (goal: Goal, linkCount: Int)? {
    switch states[number] {
    case .known(let goal, let linkCount): return (goal, linkCount)
    case .open: return nil
    case .unknown: break
    }
    guard limit > 0 else { return nil }
    states[number] = .open
    let target = survey.links[number].target.utf8
    var goal = Goal.group(target.first == HDF5Tree.separator ? 0 : tree.groupsOfLinks[number])
    var linkCount = 1
    for step in target.split(separator: HDF5Tree.separator) where !step.elementsEqual(".".utf8) {
      guard case .group(let group) = goal else {
        goal = .nothing
        break
      }
      switch tree.member(step, of: group) {
      case .group(let inner): goal = .group(inner)
      case .dataset(let dataset): goal = .dataset(dataset)
      case .link(let link):
        guard let next = follow(link, within: limit - 1) else { return nil }
        goal = next.goal
        linkCount += next.linkCount
        guard linkCount <= Self.limit else { return nil }
      case nil: goal = .nothing
      }
    }
    states[number] = .known(goal, linkCount: linkCount)
    return (goal, linkCount)
  }
}
