import Glibc
import Synchronization

/// How long each kind of launch took, summed over runs.
public final class Profile: Sendable {
  /// The launches of one kind.
  public struct Entry: Sendable, Hashable {
    /// The primitives that it runs, such as `Linear + Gelu`.
    public let name: String
    /// How often they were launched.
    public internal(set) var count: Int
    /// How long they took together.
    public internal(set) var seconds: Double
    /// What they had to do, together.
    public internal(set) var work: Work
  }

  private let table = Mutex<[String: Entry]>([:])

  /// An empty profile.
  public init() {}

  /// Every kind, the one that took longest first.
  public var entries: [Entry] {
    table.withLock { $0.values.sorted { ($1.seconds, $0.name) < ($0.seconds, $1.name) } }
  }

  func add(_ name: String, nanoseconds: UInt64, _ work: Work) {
    table.withLock {
      var entry = $0[name] ?? Entry(name: name, count: 0, seconds: 0, work: Work())
      entry.count += 1
      entry.seconds += Double(nanoseconds) / 1e9
      entry.work = entry.work + work
      $0[name] = entry
    }
  }

  /// Nanoseconds of a clock that never goes back.
  static var now: UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }
}
