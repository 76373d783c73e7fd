import GraftRunner
import Synchronization
import Testing

@Suite struct ThreadPoolTests {
  @Test("Parts cover the count once, the same way each time", arguments: [1, 2, 3, 8])
  func parts(_ threads: Int) {
    let pool = ThreadPool(threadCount: threads)
    for (count, grain) in [(0, 1), (1, 1), (7, 1), (7, 3), (1000, 16), (5, 100)] {
      var seen: [[Range<Int>]] = []
      for _ in 0..<20 {
        let ranges = Mutex<[(Int, Range<Int>)]>([])
        pool.parallel(count, grain: grain) { range, thread in ranges.withLock { $0.append((thread, range)) } }
        let sorted = ranges.withLock { $0 }.sorted { $0.1.lowerBound < $1.1.lowerBound }
        #expect(sorted.flatMap { Array($0.1) } == Array(0..<count))
        #expect(sorted.allSatisfy { $0.0 < threads && $0.1.lowerBound % grain == 0 })
        seen.append(sorted.map(\.1))
      }
      #expect(Set(seen).count == 1)
    }
  }

  @Test("A call from inside a part runs, alone")
  func nested() {
    let pool = ThreadPool(threadCount: 3)
    let sum = Atomic(0)
    pool.parallel(6) { outer, _ in
      for _ in outer {
        pool.parallel(5) { inner, thread in
          #expect(thread == 0 && inner == 0..<5)
          sum.add(inner.count, ordering: .relaxed)
        }
      }
    }
    #expect(sum.load(ordering: .relaxed) == 30)
  }

  @Test("Callers on several threads take turns")
  func callers() async {
    let pool = ThreadPool(threadCount: 2)
    let total = await withTaskGroup { group in
      for _ in 0..<4 {
        group.addTask {
          let sum = Atomic(0)
          for _ in 0..<200 {
            pool.parallel(10) { range, _ in sum.add(range.count, ordering: .relaxed) }
          }
          return sum.load(ordering: .relaxed)
        }
      }
      return await group.reduce(0, +)
    }
    #expect(total == 8000)
  }
}
