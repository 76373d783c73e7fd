import GraftFormats
import GraftIR

extension Recognition {
  /// What to do about a step that all names begin with, as a wrapper leaves it; empty where they begin with none.
  var prefixAdvice: String {
    guard let first = shapes.keys.first?.split(separator: ".").first, shapes.count > 1,
      shapes.keys.allSatisfy({ $0.hasPrefix(first + ".") })
    else { return "" }
    let step = String(first).shortened
    guard key == nil else {
      return "; every name begins with '\(step).', which graftc convert --rename '^\(step)\\.=>' takes off"
    }
    return "; every name begins with '\(step).', and '\(file):\(step)' is what stands behind it"
  }
}
