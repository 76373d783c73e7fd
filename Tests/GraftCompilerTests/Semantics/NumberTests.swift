import Testing

import GraftCompiler

@Suite struct NumberTests {
  /// The fraction of a number as 128-bit integers.
  private func fraction(_ number: Number) throws -> (top: Int128, bottom: Int128) {
    guard case .fraction(let top, let bottom) = number else {
      Issue.record("\(number) is no fraction")
      return (0, 1)
    }
    #expect(bottom > 0)
    return (Int128(top), Int128(bottom))
  }

  private func random(_ generator: inout HostileTextTests.Generator) throws -> Number {
    let top = Int.random(in: -1_000_000...1_000_000, using: &generator)
    let bottom = Int.random(in: 1...1000, using: &generator)
    return try Number(top) / Number(bottom)
  }

  @Test("Sums, differences, products, quotients and comparisons of fractions are exact")
  func fractions() throws {
    for seed in 0..<UInt64(2000) {
      var generator = HostileTextTests.Generator(state: seed)
      let (a, b) = (try random(&generator), try random(&generator))
      let (x, y) = (try fraction(a), try fraction(b))
      func expect(_ result: Number, _ top: Int128, _ bottom: Int128) throws {
        let found = try fraction(result)
        #expect(found.top * bottom == top * found.bottom, "seed \(seed)")
      }
      try expect(a + b, x.top * y.bottom + y.top * x.bottom, x.bottom * y.bottom)
      try expect(a - b, x.top * y.bottom - y.top * x.bottom, x.bottom * y.bottom)
      try expect(a * b, x.top * y.top, x.bottom * y.bottom)
      if y.top != 0 {
        try expect(a / b, x.top * y.bottom, x.bottom * y.top)
        // Floored: the rest has the sign of the divisor, and is smaller.
        let rest = try a % b
        #expect(rest.double == 0 || (rest.double ?? 0 < 0) == (y.top < 0), "seed \(seed)")
        #expect(Number.isEqual(try ((a - rest) / b).rounded(.down), try (a - rest) / b), "seed \(seed)")
      }
      #expect(try Number.isLess(a, b) == (x.top * y.bottom < y.top * x.bottom), "seed \(seed)")
      #expect(Number.isEqual(a, b) == (x.top * y.bottom == y.top * x.bottom), "seed \(seed)")
    }
  }

  @Test("Rounding goes as a double's does, halves to the even neighbour")
  func rounding() throws {
    for top in -40...40 {
      for bottom in 1...8 {
        let exact = Double(top) / Double(bottom)  // Quarters and the like are exact, and no third is near a half.
        let number = try Number(top) / Number(bottom)
        #expect(try number.rounded(.down).whole == Int(exact.rounded(.down)))
        #expect(try number.rounded(.up).whole == Int(exact.rounded(.up)))
        #expect(try number.rounded(.toNearestOrEven).whole == Int(exact.rounded(.toNearestOrEven)))
      }
    }
    // A floor times its divisor would not fit.
    #expect(try Number.fraction(-Int.max, 2).rounded(.down).whole == -(Int.max / 2) - 1)
    #expect(try Number.fraction(-(Int.max - 1), 7).rounded(.up).whole == -((Int.max - 1) / 7))
  }

  @Test("Fractions close to each other compare exactly, beyond what doubles tell apart")
  func closeFractions() throws {
    let a = Number.fraction(Int.max - 1, Int.max)
    let b = Number.fraction(Int.max - 2, Int.max - 1)
    #expect(try Number.isLess(b, a))
    #expect(try !Number.isLess(a, b))
  }

  static let literals: [(String, Number?)] = [
    ("0", Number(0)), ("1_000", Number(1000)), ("676M", Number(676_000_000)), ("2GB", Number(2_000_000_000)),
    ("2GiB", Number(2_147_483_648)), ("1.5K", Number(1500)), ("0.25", .fraction(1, 4)), ("1e-4", .fraction(1, 10_000)),
    ("1.5e3", Number(1500)), ("9223372036854775807", Number(Int.max)), ("9223372036854775808", nil),
    ("1e400", nil), ("3e20", .approximate(3e20)),
  ]

  @Test("A literal is what its digits, exponent and suffix say", arguments: literals)
  func reads(_ text: String, _ number: Number?) { #expect(Number(literal: text) == number) }

  @Test("What does not fit 64 bits, and division by zero, are errors and no traps")
  func overflow() {
    let operations: [() throws -> Number] = [
      { try Number(Int.max) + Number(1) }, { try Number(Int.max) * Number(2) }, { try Number(10).power(Number(30)) },
      { try Number(2).power(Number(4096)) }, { try -Number(Int.min) }, { try Number(Int.min) - Number(1) },
      { try Number(1) / Number(0) }, { try Number(1) % Number(0) }, { try Number(0).power(Number(-1)) },
      { try Number.approximate(1e300) * Number.approximate(1e300) }, { try Number(1) / Number.approximate(0) },
      { try Number.approximate(1e300).rounded(.down) }, { try Number(-1).power(.fraction(1, 2)) },
    ]
    for operation in operations { #expect(throws: Number.Failure.self) { try operation() } }
    let extremes = [
      Number(.min), Number(.max), Number(0), Number(-1), .fraction(1, .max), .fraction(-.max, 2), .approximate(-0x1p63),
      .approximate(1e308), .batch(1), .batch(.min), .batch(.max), .batch(0),
    ]
    for a in extremes {
      _ = a.description + a.short
      _ = try? a.rounded(.up)
      _ = try? -a
      for b in extremes {
        _ = try? a + b
        _ = try? a - b
        _ = try? a * b
        _ = try? a / b
        _ = try? a % b
        _ = try? a.power(b)
        _ = try? Number.isLess(a, b)
        _ = Number.isEqual(a, b)
      }
    }
  }

  @Test("Multiples of the batch add, scale, and divide by each other; with other numbers they do not mix")
  func batches() throws {
    #expect(try Number.batch(2) + .batch(3) == .batch(5))
    #expect(try Number.batch(2) * Number(3) == .batch(6))
    #expect(try Number.batch(6) / Number(3) == .batch(2))
    #expect(try Number.batch(6) / .batch(3) == Number(2))
    #expect(try Number.batch(1) + Number(0) == .batch(1))
    #expect(throws: Number.Failure.self) { try Number.batch(1) + Number(1) }
    #expect(throws: Number.Failure.self) { try Number.batch(3) / Number(2) }
    #expect(throws: Number.Failure.self) { try Number(1) / .batch(1) }
    #expect(throws: Number.Failure.self) { try Number.isLess(.batch(1), Number(100)) }
  }
}
