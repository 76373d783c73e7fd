import GraftFormats
import GraftIR
import Testing

import GraftCompiler

/// Edits of a model, one statement after the other.
@Suite struct GraftStateTests {
  private func attentions(_ compiled: Compiled) -> [String] {
    (0..<(compiled.part("blocks")?.parts.count ?? 0)).map { compiled.part("blocks.\($0).attn")?.operatorName ?? "?" }
  }

  static let selections: [(String, [Int])] = [
    ("blocks[1]", [1]), ("blocks[i in odd]", [1, 3]), ("blocks[even]", [0, 2]), ("blocks[all]", [0, 1, 2, 3]),
    ("blocks", [0, 1, 2, 3]), ("blocks[first(2)]", [0, 1]), ("blocks[last(1)]", [3]), ("blocks[3, 0]", [0, 3]),
    ("blocks[0...2 step 2]", [0, 2]), ("blocks[0..<1, 2...3]", [0, 2, 3]), ("blocks[count - 1]", [3]),
    ("blocks[i in all where i % 3 == 0]", [0, 3]), ("blocks[top(2, [1, 4, 2, 3])]", [1, 3]),
    ("blocks[[i for i in 1...2]]", [1, 2]), ("blocks[i in all where blocks[i].mlp is mlp and i > 1]", [2, 3]),
  ]

  @Test("A path names the entries that its brackets say", arguments: selections)
  func selects(_ path: String, _ indices: [Int]) {
    let compiled = Compiled.small("replace \(path).attn with hyena_x()")
    #expect(compiled.rules == [])
    #expect(attentions(compiled) == (0..<4).map { indices.contains($0) ? "hyena_x" : "mha" })
  }

  @Test("Several names in braces go on along each")
  func braces() {
    let compiled = Compiled.small("replace blocks[1].{attn, mlp} with linear(8, 8)")
    #expect(compiled.call("blocks.1.attn") == "linear(inputs: 8, outputs: 8, bias: true)")
    #expect(compiled.call("blocks.1.mlp") == "linear(inputs: 8, outputs: 8, bias: true)")
  }

  @Test("What is to the right of a path is worked out from its index")
  func computed() {
    let compiled = Compiled.small(
      """
      let w(i) = 2 ** i
      replace blocks[i in odd].attn with swa(window: [w(i), 0])
      replace blocks[i in even].mlp with mlp(hidden: 8 * (i + 1))
      """)
    #expect(compiled.call("blocks.1.attn") == "swa(width: 8, heads: 2, window: [2, 0])")
    #expect(compiled.call("blocks.3.attn") == "swa(width: 8, heads: 2, window: [8, 0])")
    #expect(compiled.part("blocks.2.mlp.fc1.weight") == nil)
    #expect(compiled.part("blocks.2.mlp.fc1")?.parameters.first?.shape == [24, 8])
  }

  @Test("A list takes its place in the list around it, whose entries are renumbered")
  func splice() throws {
    let compiled = Compiled.small(
      """
      replace blocks[i in all where i % 2 == 1] with [old, old starting { adaLN_modulation[1] = 0 }]
      require depth == 6
      """)
    #expect(compiled.rules == [])
    let weights = compiled.weights
    // 0 1 1' 2 3 3'
    #expect(weights["blocks.2.attn.qkv.weight"] == weights["blocks.1.attn.qkv.weight"])
    #expect(weights["blocks.5.attn.qkv.weight"] == weights["blocks.4.attn.qkv.weight"])
    #expect(weights["blocks.3.attn.qkv.weight"] != weights["blocks.4.attn.qkv.weight"])
    #expect(weights["blocks.2.adaLN_modulation.1.weight"] == .fill(0, .f32, [48, 8]))
    #expect(weights["blocks.2.adaLN_modulation.1.bias"] == .fill(0, .f32, [48]))
    #expect(compiled.origins["blocks.2.adaLN_modulation.1.bias"] == .computed)
  }

  @Test("Two new operators in one place draw from streams of their own")
  func streams() {
    let compiled = Compiled.small("replace blocks[1] with [dit_block(8, 2), dit_block(8, 2)]")
    let weights = compiled.weights
    #expect(weights["blocks.1.attn.qkv.weight"] != nil)
    #expect(weights["blocks.1.attn.qkv.weight"] != weights["blocks.2.attn.qkv.weight"])
  }

  @Test("A list of paths takes the place of a list")
  func paths() {
    let whole = Compiled.small("")
    let compiled = Compiled.small(
      """
      let tail = blocks[2..<4]
      replace blocks with blocks[0...2 step 2] + tail
      require depth == 4
      """)
    #expect(compiled.rules == [])
    let old = whole.weights
    for (now, then) in [(0, 0), (1, 2), (2, 2), (3, 3)] {
      #expect(compiled.weights["blocks.\(now).mlp.fc1.weight"] == old["blocks.\(then).mlp.fc1.weight"])
    }
  }

  @Test("The whole model may be replaced, and adopts what has the same name and shape")
  func model() {
    let compiled = Compiled.small(
      """
      replace model with dit(size: 4, width: 8, depth: 2, heads: 2, classes: 3, in_channels: 5, out_channels: 8) starting adopted {
        x_embedder.proj.weight = concat([old.x_embedder.proj.weight, zeros([8, 1, 2, 2])], axis: 1)
      }
      require depth == 2
      """)
    // The result keeps its shape; only the picture that goes in has one channel more.
    #expect(compiled.rules == [])
    #expect(compiled.origins["blocks.1.attn.qkv.weight"] == .adopted)
    #expect(compiled.origins["x_embedder.proj.weight"] == .computed)
  }

  @Test("Entries are removed, and what follows moves up")
  func remove() {
    let whole = Compiled.small("")
    let compiled = Compiled.small("remove blocks[0, 2]\nrequire depth == 2")
    #expect(compiled.rules == [])
    #expect(compiled.weights["blocks.0.mlp.fc1.bias"] == whole.weights["blocks.1.mlp.fc1.bias"])
    #expect(compiled.weights["blocks.1.mlp.fc1.bias"] == whole.weights["blocks.3.mlp.fc1.bias"])
  }

  @Test("Statements apply from top to bottom")
  func order() {
    let compiled = Compiled.small(
      """
      remove blocks[0]
      replace blocks[0].attn with hyena_x()
      parallelize blocks[1...2] in pairs with merge_average()
      replace blocks[1].branches[1].attn with hyena_x()
      require depth == 2
      """)
    #expect(compiled.rules == [])
    #expect(compiled.part("blocks.0.attn")?.operatorName == "hyena_x")
    #expect(compiled.part("blocks.1.branches.0.attn")?.operatorName == "mha")
    #expect(compiled.part("blocks.1.branches.1.attn")?.operatorName == "hyena_x")
  }

  static let groupings: [(String, [String])] = [
    ("parallelize blocks in pairs with merge_sum()", ["2", "2"]),
    ("parallelize blocks in groups of 4 with merge_sum()", ["4"]),
    ("parallelize blocks[0..<2] in pairs with merge_sum()", ["2", "block", "block"]),
    ("parallelize blocks in [[1, 2, 3]] with merge_sum()", ["block", "3"]),
    ("parallelize blocks[1...3] in [[1, 2]] with merge_sum()", ["block", "2", "block"]),
  ]

  @Test("Neighbours become branches of one level, what is not selected stays plain", arguments: groupings)
  func parallel(_ statement: String, _ levels: [String]) {
    let compiled = Compiled.small(statement)
    #expect(compiled.rules == [])
    let found = compiled.part("blocks")?.parts.map { entry in
      entry.module.isParallel ? "\(entry.module.part("branches")?.parts.count ?? 0)" : "block"
    }
    #expect(found == levels)
  }

  @Test("A level may be parallelized again, and its parts keep their weights")
  func nested() {
    let whole = Compiled.small("")
    let compiled = Compiled.small(
      """
      parallelize blocks in pairs with merge_linear()
      parallelize blocks in pairs with merge_sum()
      replace blocks[0].branches[1].branches[0].attn with hyena_x()
      require depth == 1
      """)
    #expect(compiled.rules == [])
    #expect(
      compiled.weights["blocks.0.branches.1.branches.1.mlp.fc2.weight"] == whole.weights["blocks.3.mlp.fc2.weight"])
    #expect(compiled.weights["blocks.0.branches.0.merge.weight"] != nil)
  }

  @Test("A merge takes the branches' outputs, what they read, and the condition around them by name")
  func merge() {
    let gated = """
      operator gated(width d: Int, branches n: Int) {
        gate = linear(d, n * d) starting { weight = 0  bias = 1 }
        forward(outputs: [B, N, d] * n, x: [B, N, d], c: [B, d]) -> [B, N, d] {
          let g = split(reshape(gate(silu(c)), [B, 1, n * d]), n)
          return x + sum([g[k] * (outputs[k] - x) for k in 0..<n])
        }
      }
      """
    let compiled = Compiled.small("parallelize blocks in pairs with gated()", before: gated)
    #expect(compiled.rules == [])
    #expect(compiled.call("blocks.1.merge") == "gated(width: 8, branches: 2)")
  }

  @Test("Emitted types follow the most special path that is said")
  func emit() throws {
    let compiled = Compiled.small(
      "emit \"a.safetensors\" as bf16, f32 for pos_embed, f16 for blocks[1].attn, f64 for blocks[1].attn.proj")
    let emit = try #require(compiled.grafts.first?.emits.first)
    #expect(emit.dtype(of: "blocks.0.attn.qkv.weight") == .bf16)
    #expect(emit.dtype(of: "blocks.1.attn.qkv.weight") == .f16)
    #expect(emit.dtype(of: "blocks.1.attn.proj.weight") == .f64)
    #expect(emit.dtype(of: "blocks.10.attn.qkv.weight") == .bf16)
    #expect(emit.dtype(of: "pos_embed") == .f32)
    let plan = try #require(try compiled.grafts.first?.weightPlan(for: emit))
    #expect(plan.tensors.first { $0.name == "blocks.1.attn.proj.bias" }?.dtype == .f64)
    #expect(plan.tensors.first { $0.name == "pos_embed" }?.dtype == .f32)
  }
}
