import Foundation

extension Primitive {
  /// A linear recurrence over the places of a sequence whose decay, input and output weights follow the data: what a
  /// Mamba-2 mixer is made of.
  ///
  ///     S[t, h] = exp(dt[t, h] * a[h]) * S[t - 1, h] + dt[t, h] * x[t, h] (outer) b[t, g]
  ///     y[t, h] = S[t, h] * c[t, g] + skip[h] * x[t, h]
  ///
  /// with `S` [heads, p, s] zero before the first place; head `h` reads group `g = h / (heads / groups)`.
  ///
  /// - Inputs: `x` [batch, n, heads * p]; `dt` [batch, n, heads], the steps; `a` [heads], the rates, usually below 0;
  ///   `b` and `c` [batch, n, groups * s]; `skip` [heads], which may be left out. Floating point of one type.
  /// - Attributes: `groups`, 1 where absent.
  /// - Outputs: `y`, of the type of `x`.
  /// - Throws: `SelectiveScan.dtype`, `SelectiveScan.shape`, `SelectiveScan.heads`, `SelectiveScan.groups`,
  ///   `SelectiveScan.rates`.
  /// - Source: Dao, Gu, "Transformers are SSMs: Generalized Models and Efficient Algorithms Through Structured State
  ///   Space Duality", 2024, section 2 (the recurrence) and section 3 (the masked product that defines it here).
  public static let selectiveScan = Primitive(
    name: "SelectiveScan", inputs: 5...6, attributes: [.optional("groups", .int)],
    infer: { inputs, attributes throws(Diagnostic) in
      let (x, dt, a, b, c) = (inputs[0], inputs[1], inputs[2], inputs[3], inputs[4])
      try x.requireComputable("x", of: "SelectiveScan")
      for (input, name) in zip(inputs.dropFirst(), ["dt", "a", "b", "c", "skip"]) {
        try input.requireDType(of: x, name, of: "SelectiveScan")
      }
      guard x.rank == 3, dt.rank == 3, b.rank == 3, dt.axes[..<2] == x.axes[..<2], b.axes[..<2] == x.axes[..<2], c == b,
        !x.axes[1].isBatch, !x.axes[2].isBatch, !dt.axes[2].isBatch, !b.axes[2].isBatch
      else {
        throw Diagnostic(
          "SelectiveScan.shape",
          "'x' is \(x.shapeText), 'dt' \(dt.shapeText), 'b' \(b.shapeText) and 'c' \(c.shapeText), and must be "
            + "[batch, n, heads * p], [batch, n, heads] and [batch, n, groups * s]")
      }
      let heads = dt.axes[2].count
      guard heads >= 1, x.axes[2].count % heads == 0 else {
        throw Diagnostic("SelectiveScan.heads", "\(x.axes[2]) features of 'x' are not \(heads) heads of one width")
      }
      let groups = attributes.int("groups", default: 1)
      guard groups >= 1, heads % groups == 0, b.axes[2].count % groups == 0 else {
        throw Diagnostic(
          "SelectiveScan.groups", "\(groups) groups do not divide \(heads) heads and \(b.axes[2]) features of 'b'")
      }
      for (rates, name) in zip([a] + inputs.dropFirst(5), ["a", "skip"]) {
        try rates.requireAxes([dt.axes[2]], name, "SelectiveScan.rates")
      }
      return [x]
    },
    cost: { inputs, _, attributes in
      let state = inputs[3].axes[2].count / attributes.int("groups", default: 1)
      return Cost(product: inputs[0].axes.map(\.count) + [state, 2])
    },
    evaluate: { inputs, results, attributes throws(Diagnostic) in
      let (x, dt, a, b, c) = (
        inputs[0].doubles, inputs[1].doubles, inputs[2].doubles, inputs[3].doubles, inputs[4].doubles
      )
      let groups = attributes.int("groups", default: 1)
      let (batch, n, heads) = (inputs[1].shape.axes[0], inputs[1].shape.axes[1], inputs[1].shape.axes[2])
      let (p, s) = (inputs[0].shape.axes[2] / heads, inputs[3].shape.axes[2] / groups)
      let skip = inputs.count == 6 ? inputs[5].doubles : [Double](repeating: 0, count: heads)
      var y = x
      for item in 0..<batch {
        for head in 0..<heads {
          let group = head / (heads / groups)
          var state = [Double](repeating: 0, count: p * s)
          for t in item * n..<(item + 1) * n {
            let step = dt[t * heads + head]
            // Where nothing is remembered yet there is nothing to decay, however the rate overflows.
            let decay = t == item * n ? 0 : Foundation.exp(step * a[head])
            for i in 0..<p {
              let place = (t * heads + head) * p + i
              var sum = skip[head] * x[place]
              for k in 0..<s {
                let weight = (t * groups + group) * s + k
                state[i * s + k] = decay * state[i * s + k] + step * x[place] * b[weight]
                sum += state[i * s + k] * c[weight]
              }
              y[place] = sum
            }
          }
        }
      }
      return [Tensor(results[0].dtype, results.shape(), doubles: y)]
    },
    definition: { builder, inputs, attributes throws(Diagnostic) in
      let (x, dt, b) = (builder.type(of: inputs[0]), builder.type(of: inputs[1]), builder.type(of: inputs[3]))
      let groups = attributes.int("groups", default: 1)
      let (batch, n, heads) = (x.axes[0], x.axes[1], dt.axes[2].count)
      let (p, s) = (x.axes[2].count / heads, b.axes[2].count / groups)

      // What place j still weighs at place i: exp of the sum of dt * a over j + 1 ... i, and nothing for later ones.
      let steps = try builder.transpose(inputs[1], [0, 2, 1])  // [batch, heads, n]
      let rates = try builder.one(.mul, [steps, builder.reshape(inputs[2], [Dimension(heads), 1])])
      let sums = try builder.one(.cumSum, [rates], ["axis": .int(2)])
      let spans = try builder.one(
        .sub,
        [
          builder.reshape(sums, [batch, Dimension(heads), n, 1]),
          builder.reshape(sums, [batch, Dimension(heads), 1, n]),
        ])
      let places = try builder.one(.iota, [], ["count": .int(n.count), "dtype": .dtype(.i64)])
      let isPast = try builder.one(.greaterOrEqual, [builder.reshape(places, [n, 1]), places])
      let memory = try builder.one(
        .exp, [builder.one(.where, [isPast, spans, builder.scalar(-.infinity, like: spans)])])

      // [batch, groups * s] features as [batch, heads, n, s], a group for each of its heads.
      let keys = try builder.heads(inputs[3], batch, n, groups, s, repeated: heads / groups)
      let queries = try builder.heads(inputs[4], batch, n, groups, s, repeated: heads / groups)
      let scores = try builder.one(.matMul, [queries, builder.transpose(keys, [0, 1, 3, 2])])
      let weights = try builder.one(
        .mul,
        [builder.one(.mul, [scores, memory]), builder.reshape(steps, [batch, Dimension(heads), 1, n])])
      let values = try builder.heads(inputs[0], batch, n, heads, p, repeated: 1)
      var y = try builder.one(.matMul, [weights, values])
      if inputs.count == 6 {
        let skipped = try builder.one(.mul, [values, builder.reshape(inputs[5], [Dimension(heads), 1, 1])])
        y = try builder.one(.add, [y, skipped])
      }
      return [try builder.reshape(builder.transpose(y, [0, 2, 1, 3]), x.axes)]
    },
    examples: [
      // A rate of 0 forgets nothing: the sums of what came so far.
      Example(
        inputs: [
          Tensor([1, 2, 3], [1, 3, 1]), Tensor([1, 1, 1], [1, 3, 1]), Tensor([0], [1]), Tensor([1, 1, 1], [1, 3, 1]),
          Tensor([1, 1, 1], [1, 3, 1]),
        ],
        outputs: [Tensor([1, 3, 6], [1, 3, 1])]),
      // A step of 1 at a rate of -ln 2 halves the state; the skip adds ten times the input.
      Example(
        inputs: [
          Tensor([8, 0, 0], [1, 3, 1]), Tensor([1, 1, 1], [1, 3, 1]), Tensor([-0.6931472], [1]),
          Tensor([1, 1, 1], [1, 3, 1]), Tensor([1, 1, 1], [1, 3, 1]), Tensor([10], [1]),
        ],
        outputs: [Tensor([88, 4, 2], [1, 3, 1])], tolerance: 1e-6),
      // Two heads, each of a group of its own, of states of two numbers: c picks the first, then the second.
      Example(
        attributes: ["groups": .int(2)],
        inputs: [
          Tensor([1, 2, 3, 4], [1, 2, 2]), Tensor([1, 1, 1, 1], [1, 2, 2]), Tensor([0, 0], [2]),
          Tensor([1, 10, 100, 1000, 1, 10, 100, 1000], [1, 2, 4]), Tensor([1, 0, 1, 0, 0, 1, 0, 1], [1, 2, 4]),
        ],
        outputs: [Tensor([1, 200, 40, 6000], [1, 2, 2])]),
    ])
}
