/// Ascending indices as the brackets of a path hold them: `0, 2...8 step 2, 20...27`.
public func indexListText(_ indices: [Int]) -> String {
  var pieces: [String] = []
  var start = 0
  while start < indices.count {
    // As far as the distance to the next stays the same; two in a row are no run.
    var end = start
    let step = start + 1 < indices.count ? indices[start + 1] - indices[start] : 0
    while end + 1 < indices.count, indices[end + 1] - indices[end] == step { end += 1 }
    if end - start < 2 || step < 1 {
      pieces.append(String(indices[start]))
      start += 1
    } else {
      pieces.append("\(indices[start])...\(indices[end])" + (step == 1 ? "" : " step \(step)"))
      start = end + 1
    }
  }
  return pieces.joined(separator: ", ")
}
