import GraftIR

/// Turns big-endian elements around; the two parts of a complex number each on their own.
func swapBytes(of dtype: DType, in bytes: UnsafeMutableRawBufferPointer) {
  let width =
    switch dtype {
    case .c64, .c128: dtype.bitWidth / 16
    default: dtype.bitWidth / 8
    }
  switch width {
  case 2: swapBytes(UInt16.self, in: bytes)
  case 4: swapBytes(UInt32.self, in: bytes)
  case 8: swapBytes(UInt64.self, in: bytes)
  default: break
  }
}

private func swapBytes<Element: FixedWidthInteger & BitwiseCopyable>(
  _ type: Element.Type, in bytes: UnsafeMutableRawBufferPointer
) {
  for offset in stride(from: 0, to: bytes.count, by: MemoryLayout<Element>.size) {
    let value = bytes.loadUnaligned(fromByteOffset: offset, as: Element.self)
    bytes.storeBytes(of: value.byteSwapped, toByteOffset: offset, as: Element.self)
  }
}

/// Negates little-endian numbers, all of them or every second one.
func negate(_ sign: StridedView.PendingSign, _ dtype: DType, in bytes: UnsafeMutableRawBufferPointer) {
  let isComplex = dtype == .c64 || dtype == .c128
  let width = dtype.bitWidth / (isComplex ? 16 : 8)
  let (first, step) =
    switch sign {
    case .none: (bytes.count, width)
    case .all: (0, width)
    case .imaginary: (width, 2 * width)
    case .real: (0, 2 * width)
    }
  // The sign is the highest bit of a number's last byte.
  for start in stride(from: first, to: bytes.count, by: step) { bytes[start + width - 1] ^= 0x80 }
}
