import GraftFormats
import Testing

@Suite struct BenchCommandTests {
  @Test("The JSON has the promised keys, an object a line for each model and batch")
  func json() throws {
    let lines = try Graftc.succeed([
      "bench", Small.model, "mlp(width: 16)", "--set", "N=8", "--random-weights", "--json", "--batch", "1,2",
      "--repeats", "2",
      "--threads", "1",
    ]).jsonLines()
    #expect(lines.map { $0["batch"] } == [1, 1, 2, 2])
    #expect(lines.map { $0["model"]?.textValue } == [Small.model, "mlp(width: 16)", Small.model, "mlp(width: 16)"])
    #expect(lines.map { $0["set"] } == [[:], ["N": 8], [:], ["N": 8]])
    for line in lines {
      #expect(
        line.members?.map(\.name)
          == ["model", "set", "batch", "seconds", "gflops", "blas_share", "threads", "dtype", "ratio"])
      let seconds = try #require(line["seconds"])
      #expect(seconds.members?.map(\.name) == ["median", "mean", "min"])
      let median = try #require(seconds["median"]?.doubleValue)
      let least = try #require(seconds["min"]?.doubleValue)
      #expect(least > 0 && least <= median)
      #expect(try #require(line["gflops"]?.doubleValue) > 0)
      #expect(try #require(line["blas_share"]?.doubleValue) > 0)
      #expect(line["threads"] == 1)
      #expect(line["dtype"] == "f32")
    }
    #expect(lines[0]["ratio"]?.doubleValue == 1)
  }

  @Test("An operator alone is timed for each of its sizes")
  func singleOperator() throws {
    let lines = try Graftc.succeed(["bench", "hyena_x(width: 24)", "--set", "N=16,32", "--json", "--repeats", "1"])
      .jsonLines()
    #expect(lines.map { $0["set"] } == [["N": 16], ["N": 32]])
    // Where leading axes are open, `N` counts too: 2 * 24 * 96 products a token.
    let open = try Graftc.succeed([
      "bench", "mlp(width: 24)", "--set", "N=8192", "--json", "--repeats", "1", "--threads", "1",
    ]).json()
    let seconds = try #require(open["seconds"]?["median"]?.doubleValue)
    let gflops = try #require(open["gflops"]?.doubleValue)
    #expect(abs(seconds * gflops * 1e9 / (2 * 8192 * 2 * 24 * 96) - 1) < 1e-6)
    let folder = try TemporaryFolder()
    try folder.write(
      """
      operator twice(width d: Int) {
          inner = linear(d, d)
          forward(x: [B, N, d]) -> [B, N, d] { return inner(inner(x)) }
      }
      model both(width d: Int) {
          part = twice(d)
          forward(x: [B, 4, d]) -> [B, 4, d] { return part(x) }
      }
      """, as: "own.graft")
    let own = folder("own.graft:twice(width: 24)")
    let sizes = try Graftc.succeed(["bench", own, "--set", "N=16,32", "--json", "--repeats", "1"]).jsonLines()
    #expect(sizes.map { $0["set"] } == [["N": 16], ["N": 32]] && sizes.allSatisfy { $0["model"]?.textValue == own })
    let model = folder("own.graft:both(width: 24)")
    try Graftc.fail(64, ["bench", model], rule: "usage.random-weights")
    try Graftc.succeed(["bench", model, "--random-weights", "--repeats", "1"])
    try Graftc.fail(64, ["bench", "hyena_x(width: 24)"], rule: "usage.size")
    try Graftc.fail(64, ["bench", "hyena_x(width: 24)", "--set", "N=0"], rule: "usage.size")
    try Graftc.fail(64, ["bench", "hyena_x(width: 24)", "--set", "N=many"], rule: "usage.size")
  }

  @Test("What serves is ready once planned, and runs once for each line")
  func serving() throws {
    let served = try Graftc.succeed(["bench", Small.model, "--random-weights", "--serve"], input: "\n\n\n")
    let lines = served.output.split(separator: "\n")
    #expect(lines.first == "ready" && lines.count == 4)
    #expect(lines.dropFirst().allSatisfy { Double($0) ?? 0 > 0 })
    try Graftc.fail(64, ["bench", Small.model, "--random-weights", "--serve", "--batch", "1,2"], rule: "usage.bench")
  }

  @Test("The text names units, and the profile names kernels")
  func text() throws {
    let result = try Graftc.succeed(["bench", Small.model, "--random-weights", "--repeats", "1", "--profile"])
    #expect(result.output.contains("GFLOP/s"))
    #expect(result.output.contains("Linear") || result.output.contains("linear"))
    // Launches are those of one run, however many were timed.
    let lines = try ["1", "3"].map { repeats in
      try Graftc.succeed(
        ["bench", Small.model, "--random-weights", "--profile", "--json", "--repeats", repeats]
      ).json()["profile"]?.listValue ?? []
    }
    let counts = lines.map { kernels in
      Dictionary(uniqueKeysWithValues: kernels.map { ($0["kernel"]?.textValue ?? "", $0["launches"]?.intValue ?? 0) })
    }
    #expect(counts[0] == counts[1] && counts[0].values.allSatisfy { $0 > 0 } && !counts[0].isEmpty)
    for kernel in lines[0] {
      for key in ["seconds", "gflops", "gigabytes_per_second", "share_of_limit"] {
        #expect(try #require(kernel[key]?.doubleValue) >= 0, "\(key) of \(kernel)")
      }
    }
    #expect(result.output.contains("of the limit") && result.output.contains("GOP/s in int8"))
  }

  @Test("What cannot be timed is refused")
  func refusals() throws {
    try Graftc.fail(64, ["bench", Small.model], rule: "usage.random-weights")
    try Graftc.fail(64, ["bench", Small.model, "--random-weights", "--dtype", "i8"], rule: "usage.dtype")
    try Graftc.fail(64, ["bench", Small.model, "--random-weights", "--batch", "0"], rule: "usage.bench")
    try Graftc.fail(64, ["bench", Small.model, "--random-weights", "--batch", "1,x"], rule: "usage.numbers")
    try Graftc.fail(66, ["bench", "/nowhere/model.pt"])
    try Graftc.fail(64, ["bench"])
  }
}
