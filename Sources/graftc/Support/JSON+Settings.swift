import GraftFormats

extension JSON {
  /// The values that `--set` gave, numbers as numbers.
  init(settings: [(name: String, value: String)]) {
    self = .object(
      settings.map { JSON.Member($0.name, (try? JSON(parsing: $0.value, file: "--set")) ?? .text($0.value)) })
  }
}
