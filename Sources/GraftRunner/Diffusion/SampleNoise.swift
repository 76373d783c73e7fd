public import GraftIR

/// The random numbers that one row of samples is made of.
///
/// From a seed they come as the published sampler draws them: the start of all samples in one call, then, at every
/// step, one call for the whole batch, which is twice the samples where the model is guided.
public struct SampleNoise: Sendable {
  private let start: Tensor?
  private let noises: Tensor?
  private var random: TorchRandom

  /// Everything drawn from `seed`.
  public init(seed: Int) {
    start = nil
    noises = nil
    random = TorchRandom(seed: seed)
  }

  /// Samples that start from `start` [n, ...]. Step i from the start adds `noises[i]`, of n samples or of the whole
  /// batch; without `noises`, it draws from `seed`.
  public init(start: Tensor, noises: Tensor? = nil, seed: Int) {
    self.start = start
    self.noises = noises
    random = TorchRandom(seed: seed)
  }

  /// Checks what is given against `stepCount` steps with `batch` samples, of which `count` are kept, each of `shape`.
  ///
  /// - Throws: `diffusion.noise-type` and `diffusion.noise-shape`.
  func check(stepCount: Int, count: Int, batch: Int, shape: Shape) throws(Diagnostic) {
    if let start { try Self.check(start, "start", [[count] + shape.axes]) }
    if let noises {
      try Self.check(noises, "noises", [[stepCount, count] + shape.axes, [stepCount, batch] + shape.axes])
    }
  }

  /// The start of `count` samples of `shape`, row by row.
  mutating func startValues(count: Int, shape: Shape) -> [Float] {
    start?.floats ?? random.normals(count * (shape.elementCount ?? 0))
  }

  /// The noise of the step that is `index` steps from the start, `valueCount` values.
  mutating func stepValues(_ index: Int, valueCount: Int) -> [Float] {
    guard let noises else { return random.normals(valueCount) }
    let given = noises.row(index).floats
    // The two halves of a guided batch show the same samples, and only the first is kept.
    return given.count < valueCount ? given + given : given
  }

  private static func check(_ tensor: Tensor, _ name: String, _ shapes: [[Int]]) throws(Diagnostic) {
    guard tensor.dtype.isFloatingPoint else {
      throw Diagnostic("diffusion.noise-type", "'\(name)' is \(tensor.dtype), expected floating point")
    }
    guard shapes.contains(tensor.shape.axes) else {
      let expected = shapes[0] == shapes[shapes.count - 1] ? [shapes[0]] : shapes
      throw Diagnostic(
        "diffusion.noise-shape",
        "'\(name)' is \(tensor.shape), expected \(expected.map { "\(Shape($0))" }.joined(separator: " or "))")
    }
  }
}

extension Tensor {
  /// Part `index` along the outermost axis.
  fileprivate func row(_ index: Int) -> Tensor {
    let shape = Shape(Array(shape.axes.dropFirst()))
    let byteCount = byteCount / self.shape.axes[0]
    return Tensor(dtype, shape, storage: storage, offsetInBytes: offsetInBytes + index * byteCount)
  }
}
