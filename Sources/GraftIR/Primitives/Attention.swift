extension Primitive {
  /// Each query's mean of the values, weighted by how well the keys answer it.
  ///
  ///     score[h, i, j] = scale * sum over c of q[i, h, c] * k[j, h', c] + mask[h, i, j]
  ///     y[i, h] = sum over j of softmax(score[h, i])[j] * v[j, h']
  ///
  /// Head `h` reads key and value head `h' = h / (heads / kv_heads)`. With a window [left, right] the query `i` sees
  /// the keys `i - left ... i + right` only.
  ///
  /// - Inputs: `q` [b, n, heads * e], `k` [b, m, kv_heads * e], `v` [b, m, kv_heads * f]; `mask`, which may be left
  ///   out, is added to the scores and spreads over [b, heads, n, m]. All floating point of one type.
  /// - Attributes: `heads`; `kv_heads`, `heads` where absent; `scale`, 1 / sqrt(e) where absent; `window`, two whole
  ///   numbers, -1 for an open side, [-1, -1] where absent.
  /// - Outputs: [b, n, heads * f].
  /// - Throws: `Attention.dtype`, `Attention.shape`, `Attention.heads`, `Attention.window`, `Attention.mask`.
  /// - Source: Vaswani et al., "Attention Is All You Need", 2017, section 3.2; Ainslie et al., "GQA", 2023; window as
  ///   in Beltagy, Peters, Cohan, "Longformer", 2020, section 3.1.
  public static let attention = Primitive(
    name: "Attention", inputs: 3...4,
    attributes: [
      .required("heads", .int), .optional("kv_heads", .int), .optional("scale", .float), .optional("window", .ints),
    ],
    infer: { inputs, attributes throws(Diagnostic) in
      let (q, k, v) = (inputs[0], inputs[1], inputs[2])
      try q.requireComputable("q", of: "Attention")
      for (input, name) in zip(inputs.dropFirst(), ["k", "v", "mask"]) where input.dtype != q.dtype {
        throw Diagnostic("Attention.dtype", "'\(name)' is \(input), but 'q' is \(q): types of elements must be equal")
      }
      guard q.rank == 3, k.rank == 3, v.rank == 3, k.axes[0] == q.axes[0], v.axes[..<2] == k.axes[..<2] else {
        throw Diagnostic(
          "Attention.shape",
          "'q' is \(q.shapeText), 'k' is \(k.shapeText) and 'v' is \(v.shapeText), "
            + "and must be [b, n, heads * e], [b, m, kv_heads * e] and [b, m, kv_heads * f]")
      }
      let heads = attributes.int("heads")
      let kvHeads = attributes.int("kv_heads", default: heads)
      let (queryWidth, keyWidth, valueWidth) = (q.axes[2], k.axes[2], v.axes[2])
      guard heads >= 1, kvHeads >= 1, heads % kvHeads == 0, !queryWidth.isBatch, !keyWidth.isBatch, !valueWidth.isBatch,
        queryWidth.count % heads == 0, keyWidth.count % kvHeads == 0, valueWidth.count % kvHeads == 0,
        queryWidth.count / heads == keyWidth.count / kvHeads
      else {
        throw Diagnostic(
          "Attention.heads",
          "\(heads) heads over \(kvHeads) key and value heads do not divide widths of \(queryWidth), \(keyWidth) and "
            + "\(valueWidth) into heads of one width")
      }
      try requireWindow(attributes.ints("window", default: [-1, -1]), queries: q.axes[1], keys: k.axes[1])
      if inputs.count == 4 {
        let scores = [q.axes[0], Dimension(heads), q.axes[1], k.axes[1]]
        guard inputs[3].spreads(over: scores) else {
          throw Diagnostic(
            "Attention.mask", "'mask' \(inputs[3].shapeText) does not spread over \(TensorType.text(of: scores))")
        }
      }
      let (width, overflow) = (valueWidth.count / kvHeads).multipliedReportingOverflow(by: heads)
      guard !overflow else {
        throw Diagnostic("Attention.heads", "\(heads) heads of \(valueWidth.count / kvHeads) are too wide")
      }
      return [q.replacing(2, with: Dimension(width))]
    },
    cost: { inputs, _, attributes in
      let (q, k, v) = (inputs[0], inputs[1], inputs[2])
      let heads = attributes.int("heads")
      let kvHeads = attributes.int("kv_heads", default: heads)
      let pairs = AttentionWindow(attributes.ints("window", default: [-1, -1]))
        .pairs(queries: q.axes[1].count, keys: k.axes[1].count)
      return Cost(product: [q.axes[0].count, pairs, heads, q.axes[2].count / heads + v.axes[2].count / kvHeads])
    },
    evaluate: { inputs, results, attributes throws(Diagnostic) in
      let (q, k, v) = (inputs[0].doubles, inputs[1].doubles, inputs[2].doubles)
      let heads = attributes.int("heads")
      let kvHeads = attributes.int("kv_heads", default: heads)
      let (b, n, m) = (inputs[0].shape.axes[0], inputs[0].shape.axes[1], inputs[1].shape.axes[1])
      let (e, f) = (inputs[0].shape.axes[2] / heads, inputs[2].shape.axes[2] / kvHeads)
      let scale = attributes.float("scale", default: 1 / Double(e).squareRoot())
      let window = AttentionWindow(attributes.ints("window", default: [-1, -1]))
      let scoreShape = Shape([b, heads, n, m])
      let mask = inputs.count == 4 ? inputs[3].doubles : []
      let maskStrides = inputs.count == 4 ? inputs[3].shape.strides(over: scoreShape) : [0, 0, 0, 0]
      var y = [Double](repeating: 0, count: results.shape().elementCount ?? 0)
      for batch in 0..<b {
        for head in 0..<heads {
          let kvHead = head / (heads / kvHeads)
          for i in 0..<n {
            let seen = window.keys(of: i, among: m)
            var scores: [Double] = []
            for j in seen {
              var score = 0.0
              for c in 0..<e {
                score += q[((batch * n + i) * heads + head) * e + c] * k[((batch * m + j) * kvHeads + kvHead) * e + c]
              }
              score *= scale
              if !mask.isEmpty {
                let place =
                  batch * maskStrides[0] + head * maskStrides[1] + i * maskStrides[2] + j * maskStrides[3]
                score += mask[place]
              }
              scores.append(score)
            }
            replaceBySoftmax(&scores, scores.indices)
            for (weight, j) in zip(scores, seen) {
              for c in 0..<f {
                y[((batch * n + i) * heads + head) * f + c] += weight * v[((batch * m + j) * kvHeads + kvHead) * f + c]
              }
            }
          }
        }
      }
      return [Tensor(results[0].dtype, results.shape(), doubles: y)]
    },
    definition: { builder, inputs, attributes throws(Diagnostic) in
      let (q, k, v) = (builder.type(of: inputs[0]), builder.type(of: inputs[1]), builder.type(of: inputs[2]))
      let heads = attributes.int("heads")
      let kvHeads = attributes.int("kv_heads", default: heads)
      let (b, n, m) = (q.axes[0], q.axes[1], k.axes[1])
      let (e, f) = (q.axes[2].count / heads, v.axes[2].count / kvHeads)
      let scale = attributes.float("scale", default: 1 / Double(e).squareRoot())

      // [b, n, heads * e] -> [b, heads, n, e]; a key and value head is repeated for each of its query heads.
      let queries = try builder.transpose(
        builder.reshape(inputs[0], [b, n, Dimension(heads), Dimension(e)]), [0, 2, 1, 3])
      let keys = try builder.heads(inputs[1], b, m, kvHeads, e, repeated: heads / kvHeads)
      let values = try builder.heads(inputs[2], b, m, kvHeads, f, repeated: heads / kvHeads)

      var scores = try builder.one(.matMul, [queries, builder.transpose(keys, [0, 1, 3, 2])])
      scores = try builder.one(.mul, [scores, builder.scalar(scale, like: scores)])
      if inputs.count == 4 { scores = try builder.one(.add, [scores, inputs[3]]) }

      let window = AttentionWindow(attributes.ints("window", default: [-1, -1]))
      if window.left != nil || window.right != nil {
        let positions = try builder.one(.iota, [], ["count": .int(n.count), "dtype": .dtype(.i64)])
        let offsets = try builder.one(
          .sub, [positions, builder.reshape(positions, [n, 1])])  // Key minus query.
        let outside = try builder.scalar(-.infinity, like: scores)
        if let left = window.left {
          let isNear = try builder.one(.greaterOrEqual, [offsets, builder.scalar(-Double(left), like: offsets)])
          scores = try builder.one(.where, [isNear, scores, outside])
        }
        if let right = window.right {
          let isNear = try builder.one(.lessOrEqual, [offsets, builder.scalar(Double(right), like: offsets)])
          scores = try builder.one(.where, [isNear, scores, outside])
        }
      }
      let weights = try builder.one(.softmax, [scores])
      let mixed = try builder.transpose(builder.one(.matMul, [weights, values]), [0, 2, 1, 3])
      return [try builder.reshape(mixed, [b, n, Dimension(heads * f)])]
    },
    examples: [
      // One key: its value, whatever the score.
      Example(
        attributes: ["heads": .int(1)],
        inputs: [Tensor([5, 7], [1, 2, 1]), Tensor([3], [1, 1, 1]), Tensor([1, 2], [1, 1, 2])],
        outputs: [Tensor([1, 2, 1, 2], [1, 2, 2])]),
      // Queries of 0 weigh all keys alike: the mean of what the window shows, here itself and one before.
      Example(
        attributes: ["heads": .int(1), "window": .ints([1, 0])],
        inputs: [Tensor([0, 0, 0], [1, 3, 1]), Tensor([1, 2, 3], [1, 3, 1]), Tensor([2, 4, 8], [1, 3, 1])],
        outputs: [Tensor([2, 3, 6], [1, 3, 1])]),
      // Two query heads over one key and value head; the mask hides the second key.
      Example(
        attributes: ["heads": .int(2), "kv_heads": .int(1), "scale": .float(1)],
        inputs: [
          Tensor([1, 1], [1, 1, 2]), Tensor([1, 1], [1, 2, 1]), Tensor([3, 9], [1, 2, 1]),
          Tensor([0, -.infinity], [2]),
        ],
        outputs: [Tensor([3, 3], [1, 1, 2])]),
    ])

  private static func requireWindow(
    _ window: [Int], queries: Dimension, keys: Dimension
  ) throws(Diagnostic) {
    guard window.count == 2, window.allSatisfy({ $0 >= -1 && $0 <= 1 << 48 }) else {
      throw Diagnostic("Attention.window", "'window' is \(window), and must be two whole numbers, -1 for an open side")
    }
    if window == [-1, -1] { return }
    guard queries == keys, !queries.isBatch else {
      throw Diagnostic(
        "Attention.window", "'window' is \(window), but \(queries) queries stand beside \(keys) keys: needs as many")
    }
  }
}

/// Which keys a query sees.
public struct AttentionWindow: Sendable, Hashable {
  /// How many keys before the query's own place are seen, or `nil` for all.
  public let left: Int?
  /// How many keys after it are seen, or `nil` for all.
  public let right: Int?

  /// The window that the attribute `window` of an `Attention` describes.
  public init(_ window: [Int]) {
    left = window[0] < 0 ? nil : window[0]
    right = window[1] < 0 ? nil : window[1]
  }

  /// The keys that query `index` sees.
  public func keys(of index: Int, among count: Int) -> Range<Int> {
    let first = left.map { max(0, index - $0) } ?? 0
    let end = right.map { min(count, index + $0 + 1) } ?? count
    return min(first, end)..<end
  }

  /// The number of (query, key) pairs inside the window.
  func pairs(queries: Int, keys: Int) -> Int {
    // Every query sees all keys but those before and after its window; a query `i` leaves out `i - left` before it
    // and `keys - 1 - right - i` after it, where that is more than nothing, and the counts fall by 1 to 0.
    func triangle(_ largest: Int) -> (partialValue: Int, overflow: Bool) {
      if largest <= 0 { return (0, false) }
      return largest % 2 == 0
        ? (largest / 2).multipliedReportingOverflow(by: largest + 1)
        : largest.multipliedReportingOverflow(by: (largest + 1) / 2)
    }
    let all = queries.multipliedReportingOverflow(by: keys)
    let before = triangle(left.map { queries - 1 - $0 } ?? 0)
    let after = triangle(right.map { keys - 1 - $0 } ?? 0)
    if all.overflow || before.overflow || after.overflow { return .max }
    return all.partialValue - before.partialValue - after.partialValue
  }
}

extension GraphBuilder {
  /// [b, m, count * width] as [b, count * repeated, m, width], each head as often as `repeated` says.
  mutating func heads(
    _ value: Value, _ b: Dimension, _ m: Dimension, _ count: Int, _ width: Int, repeated: Int
  ) throws(Diagnostic) -> Value {
    let split = try transpose(reshape(value, [b, m, Dimension(count), Dimension(width)]), [0, 2, 1, 3])
    if repeated == 1 { return split }
    let single = try reshape(split, [b, Dimension(count), 1, m, Dimension(width)])
    let axes = [b, Dimension(count), Dimension(repeated), m, Dimension(width)]
    let copies = try one(.expand, [single], ["shape": .dimensions(axes)])
    return try reshape(copies, [b, Dimension(count * repeated), m, Dimension(width)])
  }
}
