import GraftIR
import Glibc

extension TransferEngine {
  /// What a killed process left of the same transfer, where that is asked for.
  static func earlierWork(
    _ fingerprint: String, _ journalPath: String, _ paths: [String], _ options: Options, _ report: inout TransferReport
  ) throws(Diagnostic) -> TransferJournal.State {
    guard options.resumes else { return TransferJournal.State() }
    guard let state = TransferJournal.read(journalPath, fingerprint: fingerprint) else {
      report.restartReason =
        TransferJournal.exists(journalPath)
        ? "the journal '\(journalPath)' is of other sources or options" : "there is no journal '\(journalPath)'"
      return TransferJournal.State()
    }
    guard state.isFinished else { return state }
    // Each file has its name, or waits for it.
    for path in paths where PathKind(of: OutputName(path).partialPath) == .nothing {
      guard PathKind(of: path) == .file else {
        report.restartReason = "'\(path)' is gone, of which the journal says that it was complete"
        return TransferJournal.State()
      }
    }
    return state
  }

  /// Gives complete files their names, in order.
  ///
  /// Where there are several, the last one ties the others together: an old one goes first, so that it never ties new
  /// files together.
  static func publish(_ files: [OutputFile]) throws(Diagnostic) {
    if files.count > 1, let index = files.last { unlink(index.path) }
    for file in files { try file.publish() }
    if let folder = files.last?.folder { OutputFile.syncFolder(folder) }
  }

  /// Gives those of `paths` their names that a killed process had completed.
  static func publishLeftovers(_ paths: [String], _ options: Options) throws(Diagnostic) {
    let waiting = paths.filter { PathKind(of: OutputName($0).partialPath) != .nothing }
    var files: [OutputFile] = []
    do throws(Diagnostic) {
      for path in waiting { files.append(try OutputFile(path: path, force: options.force, resumes: true)) }
    } catch {
      for file in files { file.release() }  // They are complete, whatever keeps them from their names.
      throw error
    }
    if paths.count > 1, waiting.count > 0, waiting.last == paths.last, let index = paths.last { unlink(index) }
    for file in files { try file.publish() }
    if let path = paths.last { OutputFile.syncFolder(OutputName(path).folder) }
  }

  /// What has been written since the last time that everything was on disk.
  struct Unsynced {
    private var byteCount = 0
    private var files: [ObjectIdentifier: OutputFile] = [:]

    /// So much work is lost at most when the system itself goes down.
    private static let limit = 4 << 30

    init() {}

    /// Notes that `count` bytes went to `file`, and sees to the disk where they have become many.
    mutating func note(_ count: Int, in file: OutputFile?, _ journal: TransferJournal) throws(Diagnostic) {
      byteCount += count
      if let file { files[ObjectIdentifier(file)] = file }
      guard byteCount >= Self.limit else { return }
      for file in files.values { try file.sync() }
      try journal.noteSync()
      byteCount = 0
      files = [:]
    }
  }
}
