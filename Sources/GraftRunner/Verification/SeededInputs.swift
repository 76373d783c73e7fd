import GraftFormats
package import GraftIR

/// Inputs for a model that nothing is known of but its graph, the same for the same seed on every machine.
///
/// Floating-point inputs are normal draws. Whole numbers are drawn from the rows of the tables that they look up,
/// wherever a path of moved elements leads from the input to a `Gather`; where none does they are 0 or 1.
package enum SeededInputs {
  /// One tensor for each input of `graphs`, in order; an input that several graphs take is one.
  ///
  /// - Throws: `run.size` where an input does not fit the machine.
  package static func draw(for graphs: [Graph], batch: Int, seed: UInt64) throws(Diagnostic) -> [(
    name: String, tensor: Tensor
  )] {
    var result: [(name: String, tensor: Tensor)] = []
    for graph in graphs {
      for input in graph.inputs where !result.contains(where: { $0.name == input.name }) {
        let type = graph.type(of: input.value)
        guard let shape = type.shape(batch: batch), let count = shape.elementCount, count <= 1 << 28 else {
          throw Diagnostic(
            "run.size", "input '\(input.name)' of \(type.shapeText) does not fit the machine at batch \(batch)")
        }
        let rows = graphs.flatMap { graph in
          graph.inputs.filter { $0.name == input.name }.flatMap { graph.rowsLookedUp(by: $0.value) }
        }
        result.append((input.name, tensor(input.name, type.dtype, shape, below: rows.min() ?? 2, seed: seed)))
      }
    }
    return result
  }

  private static func tensor(_ name: String, _ dtype: DType, _ shape: Shape, below rows: Int, seed: UInt64) -> Tensor {
    if dtype.isFloatingPoint {
      let normal = Draw(.normal(mean: 0, deviation: 1), seed: seed, stream: name).tensor(shape)
      return dtype == .f32 ? normal : Tensor(dtype, shape, doubles: normal.doubles)
    }
    let limit = dtype == .bool ? 2 : min(max(rows, 1), 1 << (min(dtype.bitWidth, 48) - 1))
    let uniform = Draw(.uniform(low: 0, high: 1), seed: seed, stream: name).tensor(shape)
    return Tensor(dtype, shape, integers: uniform.doubles.map { min(Int($0 * Double(limit)), limit - 1) })
  }
}

extension Graph {
  /// The numbers of rows of all tables that `value`, its elements moved at most, is an index of.
  fileprivate func rowsLookedUp(by value: Value) -> [Int] {
    let moves: Set<String> = ["Reshape", "Transpose", "Slice", "Split", "Concat", "Expand", "Reverse", "Cast"]
    var indices: Set<Value> = [value]
    var rows: [Int] = []
    for node in nodes where node.inputs.contains(where: indices.contains) {
      if node.primitive == "Gather", indices.contains(node.inputs[1]) {
        rows.append(type(of: node.inputs[0]).axes[0].count)
      } else if moves.contains(node.primitive) {
        indices.formUnion(node.results)
      }
    }
    return rows
  }
}
