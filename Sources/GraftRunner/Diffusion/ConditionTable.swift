import GraftIR
import Synchronization

/// What a model works out of times and classes alone, for many steps of a sampling run at once.
///
/// Steps are taken in chunks whose results are at most 64 MB, each when its first step is asked for; the model's plan
/// holds as much again.
final class ConditionTable: Sendable {
  private let model: Model
  private let split: ConditionSplit
  private let labels: Tensor
  private let times: [Int]
  private let chunkLength: Int
  private let chunk = Mutex(Chunk())

  private struct Chunk {
    var steps = 0..<0
    var tensors: [(name: String, tensor: Tensor)] = []
  }

  private static let mostBytes = 64 << 20

  /// The conditions of `split`, whose graphs `model` has, for `labels` [n] at each of `times`, in the order of the run.
  init(_ model: Model, _ split: ConditionSplit, labels: Tensor, times: [Int]) {
    self.model = model
    self.split = split
    self.labels = labels
    self.times = times
    let most = max(1, Self.mostBytes / max(1, split.byteCount(rows: labels.elementCount)))
    // As long as each other, so that few plans are made.
    let count = max(1, (times.count + most - 1) / most)
    chunkLength = max(1, (times.count + count - 1) / count)
  }

  /// The inputs of the rest of the function at `time`; `nil` where the run has no such time.
  func conditions(at time: Int) throws(Diagnostic) -> [String: Tensor]? {
    guard let step = times.firstIndex(of: time) else { return nil }
    return try chunk.withLock { chunk throws(Diagnostic) in
      if !chunk.steps.contains(step) {
        chunk = Chunk()  // Before the next one is made.
        chunk = try self.chunk(from: step)
      }
      var rows: [String: Tensor] = [:]
      for (name, tensor) in chunk.tensors {
        rows[name] = tensor.rows(of: step - chunk.steps.lowerBound, among: chunk.steps.count)
      }
      return rows
    }
  }

  private func chunk(from step: Int) throws(Diagnostic) -> Chunk {
    let steps = step..<min(times.count, step + chunkLength)
    let count = labels.elementCount
    let moments = steps.flatMap { [Float](repeating: Float(times[$0]), count: count) }
    let classes = Tensor(zeros: labels.dtype, [steps.count * count])
    for index in 0..<steps.count {
      UnsafeMutableRawBufferPointer(rebasing: classes.mutableBytes[(index * labels.byteCount)...])
        .copyMemory(from: labels.bytes)
    }
    let inputs = ["t": Tensor(moments, [moments.count]), "y": classes]
    return Chunk(steps: steps, tensors: try model.run(function: split.first.name, inputs: inputs))
  }
}

extension Tensor {
  /// A copy of part `index` of `count` equal parts of the first axis.
  fileprivate func rows(of index: Int, among count: Int) -> Tensor {
    var axes = shape.axes
    axes[0] /= count
    let part = Tensor(zeros: dtype, Shape(axes))
    let size = byteCount / count
    part.mutableBytes.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[(index * size)..<((index + 1) * size)]))
    return part
  }
}
