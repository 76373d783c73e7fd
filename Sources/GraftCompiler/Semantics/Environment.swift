import GraftIR

/// Where an expression stands: the names it sees and what a tensor in it would become.
package struct Environment {
  package enum Place {
    /// Sizes, initial values and arguments: a tensor is a formula over weights.
    case compileTime
    /// The entry of a module: a tensor is a value of the graph.
    case forward(Frame)
    /// A graft's statement: paths speak of the model.
    case graft(GraftState)
  }

  package var scope: Scope
  package var place: Place

  package func adding(_ names: [String: Datum]) -> Environment {
    Environment(scope: scope.adding(names), place: place)
  }

  package func inside(_ scope: Scope) -> Environment { Environment(scope: scope, place: place) }

  package var frame: Frame? {
    if case .forward(let frame) = place { return frame }
    return nil
  }
}

/// One call of an entry while a graph is being built.
package final class Frame {
  package let module: Module
  /// The module's path in the model.
  package let path: String
  package let tracer: Tracer
  /// Where the call stands, for inputs that are taken by name from further out.
  package let caller: Environment?

  package init(module: Module, path: String, tracer: Tracer, caller: Environment?) {
    self.module = module
    self.path = path
    self.tracer = tracer
    self.caller = caller
  }
}
