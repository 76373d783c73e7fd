public import GraftIR
import GraftKernels

extension Draw {
  /// Fills `bytes` with the f32 values of the draw from element `first` on. The element's number alone decides its
  /// value, so that any cutting into runs gives the same bytes, on every processor (`specs/formats/draws.md`).
  public func fill(_ bytes: UnsafeMutableRawBufferPointer, startingAt first: Int = 0) {
    precondition(bytes.count % 4 == 0 && first >= 0, "a draw fills whole elements")
    let count = bytes.count / 4
    let group = Int(GRAFT_DRAW_GROUP)
    var done = 0
    while done < count {
      let element = first + done
      let whole = (count - done) / group
      if element % group == 0, whole > 0, UInt(bitPattern: bytes.baseAddress) % 4 == 0 {
        fill(bytes, from: done, groups: whole, first: element / group)
        done += whole * group
        continue
      }
      // A run that begins or ends inside a group: draw the group, and take what is wanted.
      withUnsafeTemporaryAllocation(of: Float.self, capacity: group) { values in
        fill(UnsafeMutableRawBufferPointer(values), from: 0, groups: 1, first: element / group)
        let start = element % group
        let taken = min(group - start, count - done)
        UnsafeMutableRawBufferPointer(rebasing: bytes[4 * done..<4 * (done + taken)])
          .copyMemory(from: UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: values[start..<start + taken])))
        done += taken
      }
    }
  }

  /// An f32 tensor of the draw.
  public func tensor(_ shape: Shape) -> Tensor {
    let tensor = Tensor(zeros: .f32, shape)
    fill(tensor.mutableBytes)
    return tensor
  }

  private func fill(_ bytes: UnsafeMutableRawBufferPointer, from done: Int, groups: Int, first: Int) {
    guard let start = bytes.baseAddress else { return }
    let values = (start + 4 * done).assumingMemoryBound(to: Float.self)
    switch distribution {
    case .uniform(let low, let high):
      graft_draw_uniform(
        seed, streamNumber, UInt64(first), groups, Float(low), Float(high - low), Float(high), values)
    case .normal(let mean, let deviation):
      graft_draw_normal(seed, streamNumber, UInt64(first), groups, Float(mean), Float(deviation), values)
    }
  }

  /// FNV-1a of the stream's name in UTF-8 (Fowler, Noll, Vo; 64 bits).
  package var streamNumber: UInt64 {
    stream.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
  }
}
