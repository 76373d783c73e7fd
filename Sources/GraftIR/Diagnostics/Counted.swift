/// `1 tensor`, `3 tensors`: a number and what it counts, for messages.
package func counted(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }
