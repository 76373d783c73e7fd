public import GraftIR

/// Which steps of a long process to run: few, spread evenly.
///
/// | text | steps |
/// | --- | --- |
/// | `250` | that many, from the first to the last |
/// | `10,15,20` | as many equal sections as numbers, that many steps of each, from its first to its last |
/// | `ddim50` | every n-th from the first on, with the whole n that gives exactly that many |
///
/// - Source: Nichol, Dhariwal, "Improved Denoising Diffusion Probabilistic Models", 2021, section 4, and the sampler
///   published with it; the whole stride is that of Song, Meng, Ermon, "Denoising Diffusion Implicit Models", 2021.
public enum Respacing: Sendable, Hashable {
  case sections([Int])
  case strided(Int)

  /// Reads the text of `--steps`.
  ///
  /// - Throws: `diffusion.steps-syntax` where it is none of the three forms.
  public init(_ text: String) throws(Diagnostic) {
    let isStrided = text.hasPrefix("ddim")
    var counts: [Int] = []
    for part in (isStrided ? text.dropFirst(4) : text[...]).split(separator: ",", omittingEmptySubsequences: false) {
      guard part.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }), let count = Int(part)
      else { throw Self.syntax(text) }
      counts.append(count)
    }
    if !isStrided {
      self = .sections(counts)
      return
    }
    guard counts.count == 1 else { throw Self.syntax(text) }
    self = .strided(counts[0])
  }

  /// The steps to run of a process of `total`, ascending.
  ///
  /// - Throws: `diffusion.steps-count` where a section has fewer steps than are asked for, or none are asked for;
  ///   `diffusion.steps-stride` where no whole stride gives the number.
  public func steps(of total: Int) throws(Diagnostic) -> [Int] {
    switch self {
    case .sections(let counts): try Self.evenlySpaced(counts, of: total)
    case .strided(let count): try Self.strided(count, of: total)
    }
  }

  private static func evenlySpaced(_ counts: [Int], of total: Int) throws(Diagnostic) -> [Int] {
    var steps: [Int] = []
    var start = 0
    for (index, count) in counts.enumerated() {
      // What is left over makes the first sections one longer.
      let size = total / counts.count + (index < total % counts.count ? 1 : 0)
      guard 1...max(1, size) ~= count, size > 0 else {
        let place =
          counts.count == 1 ? "a process of \(total) steps" : "section \(index + 1), \(size) of \(total) steps,"
        throw Diagnostic(
          "diffusion.steps-count", "'\(count)' steps are asked of \(place), expected 1 to \(size)", category: .usage)
      }
      let stride = count == 1 ? 1 : Double(size - 1) / Double(count - 1)
      // Repeated addition and rounding of halves to even decide which steps the published sampler visits.
      var position = 0.0
      for _ in 0..<count {
        let step = start + Int(position.rounded(.toNearestOrEven))
        if steps.last != step { steps.append(step) }
        position += stride
      }
      start += size
    }
    return steps
  }

  private static func strided(_ count: Int, of total: Int) throws(Diagnostic) -> [Int] {
    var below: Int?
    for stride in 1..<max(total, 2) {
      let steps = Array(Swift.stride(from: 0, to: total, by: stride))
      if steps.count == count { return steps }
      if steps.count < count {
        below = steps.count
        break
      }
    }
    throw Diagnostic(
      "diffusion.steps-stride", "no whole stride through \(total) steps gives 'ddim\(count)'",
      help: below.map { "the next smaller number that has one is 'ddim\($0)'" }, category: .usage)
  }

  private static func syntax(_ text: String) -> Diagnostic {
    Diagnostic(
      "diffusion.steps-syntax", "'\(text)' is no choice of steps, expected one like '250', '10,15,20' or 'ddim50'",
      category: .usage)
  }
}
