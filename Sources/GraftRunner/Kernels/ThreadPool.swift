import Glibc
import GraftKernels
import Synchronization

/// The threads that kernels run on. With nothing to do they look for more during a tenth of a millisecond and then sleep.
///
/// Work is cut into contiguous parts, the same way for the same count, grain and number of threads, so that results are
/// the same bits on every run; which thread runs a part is not the same, so that a slow core holds nobody up.
public final class ThreadPool: @unchecked Sendable {
  // Safe to share: what `shared` holds is written under its mutex, and read without it only where it is atomic.

  /// The pool that is used where none is given: one thread for each processor that the process may use, or as many as
  /// `OPENBLAS_NUM_THREADS` said when the process started.
  public static let process = ThreadPool(threadCount: defaultThreadCount)

  /// The number of threads, the caller's included.
  public let threadCount: Int

  private let shared: Shared
  private var threads: [pthread_t] = []

  /// Starts `threadCount - 1` threads; the caller of `parallel` is the last one.
  public init(threadCount: Int) {
    precondition(threadCount >= 1, "a pool has at least one thread")
    shared = Shared()
    var started = 1
    for index in 1..<max(threadCount, 1) {
      let start = Unmanaged.passRetained(Start(shared: shared, index: index))
      var thread = pthread_t()
      let code = pthread_create(
        &thread, nil,
        { argument in
          guard let argument else { return nil }
          let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
          start.shared.work(as: start.index)
          return nil
        }, start.toOpaque())
      guard code == 0 else {  // The system allows no more: work with those there are.
        start.release()
        break
      }
      threads.append(thread)
      started += 1
    }
    self.threadCount = started
  }

  deinit {
    shared.stop()
    for thread in threads { pthread_join(thread, nil) }
  }

  /// A thread's share is cut in so many parts, so that others can take what a slow one does not come to.
  private static let partsOfShare = 8

  /// Calls `body` on parts that together are `0..<count`, each but the last a multiple of `grain` long, with the number
  /// of the thread that it runs on, below `threadCount`. Which thread runs a part depends on how fast the threads are.
  ///
  /// A call from inside `body` runs on the calling thread alone, with the thread number 0.
  package func parallel(_ count: Int, grain: Int = 1, _ body: (_ range: Range<Int>, _ thread: Int) -> Void) {
    if count <= 0 { return }
    let grains = (count + grain - 1) / grain
    let owners = min(threadCount, grains)
    if owners == 1 || Shared.isInside {
      body(0..<count, 0)
      return
    }
    let parts = min(threadCount * Self.partsOfShare, grains)
    func part(_ index: Int) -> Range<Int> {
      grains * index / parts * grain..<min(count, grains * (index + 1) / parts * grain)
    }
    let shares = (0...owners).map { parts * $0 / owners }
    withoutActuallyEscaping(body) { body in
      shared.run(shares) { thread, index in body(part(index), thread) }
    }
  }

  /// What `OPENBLAS_NUM_THREADS` said before graft set it for the library.
  static let requestedThreadCount: Int? = {
    guard let text = getenv("OPENBLAS_NUM_THREADS"), let count = Int(String(cString: text)), count >= 1 else {
      return nil
    }
    return min(count, 1024)
  }()

  private static var defaultThreadCount: Int {
    requestedThreadCount ?? max(1, Int(graft_processor_count()))
  }
}

private final class Start {
  let shared: Shared
  let index: Int

  init(shared: Shared, index: Int) {
    self.shared = shared
    self.index = index
  }
}

/// Hands out the parts of one job at a time. Each thread goes through a share of its own, and then through what others
/// have not come to.
private final class Shared {
  /// One caller at a time.
  private let entrance = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let started = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private let finished = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private var job: Job?
  /// Counts the jobs. Changed under the mutex, as `running` is; those that wait actively look without it.
  private let generation = Atomic(0)
  private let running = Atomic(0)
  private var isStopping = false
  /// The processor that the caller is on.
  private var callersProcessor: Int32 = -1

  /// What is run, and the parts of each share that nobody has taken.
  private final class Job {
    private let shares: [Int]
    private let next: UnsafeMutablePointer<Atomic<Int>>
    private let body: (_ thread: Int, _ part: Int) -> Void
    /// Counters are a cache line apart.
    private static let spacing = 64 / MemoryLayout<Atomic<Int>>.stride

    init(_ shares: [Int], _ body: @escaping (Int, Int) -> Void) {
      self.shares = shares
      self.body = body
      next = .allocate(capacity: (shares.count - 1) * Self.spacing)
      for index in 0..<(shares.count - 1) * Self.spacing {
        (next + index).initialize(to: Atomic(shares[index / Self.spacing]))
      }
    }

    deinit {
      next.deinitialize(count: (shares.count - 1) * Self.spacing)
      next.deallocate()
    }

    func run(as thread: Int) {
      let owners = shares.count - 1
      for offset in 0..<owners {
        let owner = (thread + offset) % owners
        while true {
          let part = next[owner * Self.spacing].wrappingAdd(1, ordering: .relaxed).oldValue
          if part >= shares[owner + 1] { break }
          body(thread, part)
        }
      }
    }
  }

  /// Marks the threads that are inside a part.
  private static let insideKey: pthread_key_t = {
    var key = pthread_key_t()
    pthread_key_create(&key, nil)
    return key
  }()

  static var isInside: Bool {
    get { pthread_getspecific(insideKey) != nil }
    set { pthread_setspecific(insideKey, newValue ? UnsafeRawPointer(bitPattern: 1) : nil) }
  }

  init() {
    pthread_mutex_init(entrance, nil)
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(started, nil)
    pthread_cond_init(finished, nil)
  }

  deinit {
    pthread_mutex_destroy(entrance)
    pthread_mutex_destroy(mutex)
    pthread_cond_destroy(started)
    pthread_cond_destroy(finished)
    entrance.deallocate()
    mutex.deallocate()
    started.deallocate()
    finished.deallocate()
  }

  /// Runs every part once; parts `shares[i]..<shares[i + 1]` are the share of thread `i`. Does not wait for a thread
  /// that the system has not woken yet.
  func run(_ shares: [Int], _ body: @escaping (_ thread: Int, _ part: Int) -> Void) {
    let job = Job(shares, body)
    pthread_mutex_lock(entrance)
    pthread_mutex_lock(mutex)
    self.job = job
    callersProcessor = graft_processor()
    generation.add(1, ordering: .releasing)
    pthread_cond_broadcast(started)
    pthread_mutex_unlock(mutex)

    Self.isInside = true
    job.run(as: 0)
    Self.isInside = false

    pthread_mutex_lock(mutex)
    self.job = nil
    pthread_mutex_unlock(mutex)
    waitActively { running.load(ordering: .acquiring) == 0 }
    pthread_mutex_lock(mutex)
    while running.load(ordering: .relaxed) > 0 { pthread_cond_wait(finished, mutex) }
    pthread_mutex_unlock(mutex)
    pthread_mutex_unlock(entrance)
  }

  func work(as index: Int) {
    Self.isInside = true
    var seen = 0
    while true {
      waitActively { generation.load(ordering: .acquiring) != seen }
      pthread_mutex_lock(mutex)
      let sleeps = generation.load(ordering: .relaxed) == seen
      while generation.load(ordering: .relaxed) == seen && !isStopping { pthread_cond_wait(started, mutex) }
      seen = generation.load(ordering: .relaxed)
      let (isOver, taken) = (isStopping, callersProcessor)
      var current = isOver ? nil : job
      if current != nil { running.add(1, ordering: .relaxed) }
      pthread_mutex_unlock(mutex)
      if isOver { return }
      // The system likes to wake a thread where the one that wakes it is, and to leave it there for a while.
      if sleeps { graft_leave_processor(taken) }
      if current == nil { continue }  // Others did it all.
      current?.run(as: index)
      current = nil  // Let go before the caller goes on: its closure must not outlive the call.
      pthread_mutex_lock(mutex)
      if running.subtract(1, ordering: .releasing).newValue == 0 { pthread_cond_signal(finished) }
      pthread_mutex_unlock(mutex)
    }
  }

  /// How long a thread looks for what it waits for before it sleeps: longer than most kernels that run on one thread,
  /// and short beside what the system gives a thread at a time.
  private static let patience: UInt64 = 100_000

  /// Waits until `isDone`, but not beyond the thread's patience.
  private func waitActively(_ isDone: () -> Bool) {
    let start = Profile.now
    repeat {
      for _ in 0..<16 {
        if isDone() { return }
        graft_pause()
      }
    } while Profile.now - start < Self.patience
  }

  func stop() {
    pthread_mutex_lock(mutex)
    isStopping = true
    pthread_cond_broadcast(started)
    pthread_mutex_unlock(mutex)
  }
}
