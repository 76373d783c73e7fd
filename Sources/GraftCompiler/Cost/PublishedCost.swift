public import GraftFormats
import GraftIR

/// What an operator costs in its place by the formula that its paper states, in floating-point operations for one
/// sample: a product and the sum it goes into are two.
///
/// A paper counts its own way: it may leave out edges, convolutions or gates. `ModelSummary.Row.macs` counts what runs.
public struct PublishedCost: Sendable, Hashable {
  /// What the operator is there for: mixing tokens, or features where it mixes none.
  public let operatorFlops: Double
  /// The projections and filters that make its inputs and its result.
  public let featureFlops: Double

  package init(operatorFlops: Double, featureFlops: Double) {
    self.operatorFlops = operatorFlops
    self.featureFlops = featureFlops
  }

  /// `{"operator", "features"}`, whole numbers as such.
  public var json: JSON { ["operator": Self.json(operatorFlops), "features": Self.json(featureFlops)] }

  private static func json(_ value: Double) -> JSON {
    value.rounded() == value && value < 0x1p53 ? .int(Int(value)) : .number(value)
  }
}

extension Module {
  /// What each operator that states a formula costs, by its path; `letters` says what the letters of its shapes mean.
  func publishedCosts(
    _ letters: [String: [String: Int]], _ evaluator: Evaluator
  ) throws(Diagnostic) -> [String: PublishedCost] {
    var result: [String: PublishedCost] = [:]
    func visit(_ module: Module, _ path: String) throws(Diagnostic) {
      // What is never called has no sizes, and costs nothing.
      if let cost = module.cost, let sizes = letters[path] { result[path] = try cost.evaluated(sizes, evaluator) }
      for (name, part) in module.parts { try visit(part, join(path, name)) }
    }
    try visit(self, "")
    return result
  }
}

/// A `cost` block in an operator that stands in its place.
package struct CostFormula: Sendable {
  let entries: [(name: Name, value: Expression)]
  /// The names that it sees beside the sizes of its place.
  let scope: Scope
  let at: Location
}

extension CostFormula {
  /// The figures where the letters of the operator's shapes mean `letters`, for one sample.
  func evaluated(_ letters: [String: Int], _ evaluator: Evaluator) throws(Diagnostic) -> PublishedCost {
    let environment = Environment(scope: scope.adding(letters.mapValues { .number(Number($0)) }), place: .compileTime)
    var figures: [String: Double] = [:]
    for (name, value) in entries {
      guard name.text == "operator" || name.text == "features", figures[name.text] == nil else {
        throw Diagnostic(
          "cost.name", "a cost says 'operator' and 'features' once each, not '\(name.text)'", at: name.at)
      }
      guard let figure = try evaluator.number(value, environment).double, figure.isFinite, figure >= 0 else {
        throw Diagnostic("cost.value", "'\(name.text)' of a cost is not a finite number from 0", at: value.at)
      }
      figures[name.text] = figure
    }
    guard let operatorFlops = figures["operator"], let featureFlops = figures["features"] else {
      throw Diagnostic("cost.name", "a cost says both 'operator' and 'features'", at: at)
    }
    return PublishedCost(operatorFlops: operatorFlops, featureFlops: featureFlops)
  }
}
