import ArgumentParser

@main
struct Graftc: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "graftc")
}
