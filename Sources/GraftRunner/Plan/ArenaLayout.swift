/// Where the activations of a plan lie in one run of memory, worked out from when each is needed.
package struct ArenaLayout: Equatable {
  /// A run of bytes that is needed from one launch to another, both included.
  package struct Block: Equatable {
    package let byteCount: Int
    package let first: Int
    package let last: Int

    package init(byteCount: Int, first: Int, last: Int) {
      self.byteCount = byteCount
      self.first = first
      self.last = last
    }
  }

  /// The offset of each block, in the order given.
  package let offsets: [Int]
  package let byteCount: Int

  /// Blocks start on multiples of this, so that no two share a cache line.
  package static let alignment = 64

  /// Lays out the largest first, each in the smallest gap that is free for as long as it is needed.
  ///
  /// Source: Pisarchyk, Lee, "Efficient Memory Management for Deep Neural Net Inference", 2020, section 5.2.
  package init(_ blocks: [Block]) {
    var offsets = [Int](repeating: 0, count: blocks.count)
    var placed: [Int] = []  // By offset.
    var total = 0
    let largestFirst = blocks.indices.sorted {
      (blocks[$1].byteCount, blocks[$0].first, $0) < (blocks[$0].byteCount, blocks[$1].first, $1)
    }
    for index in largestFirst {
      let block = blocks[index]
      let size = Self.rounded(block.byteCount)
      var best: (offset: Int, gap: Int)?
      var end = 0
      for other in placed where blocks[other].first <= block.last && block.first <= blocks[other].last {
        let gap = offsets[other] - end
        if gap >= size, best.map({ gap < $0.gap }) ?? true { best = (end, gap) }
        end = max(end, offsets[other] + Self.rounded(blocks[other].byteCount))
      }
      offsets[index] = best?.offset ?? end
      total = max(total, offsets[index] + size)
      let place = placed.firstIndex { offsets[$0] > offsets[index] } ?? placed.endIndex
      placed.insert(index, at: place)
    }
    self.offsets = offsets
    byteCount = total
  }

  private static func rounded(_ byteCount: Int) -> Int { (byteCount + alignment - 1) / alignment * alignment }
}
