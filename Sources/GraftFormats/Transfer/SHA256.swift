import CCrypto

/// SHA-256 as libcrypto takes it, over runs of bytes.
///
/// Source: FIPS 180-4.
package final class SHA256 {
  private let context: OpaquePointer

  /// `nil` where libcrypto cannot take it.
  package init?() {
    guard let context = EVP_MD_CTX_new() else { return nil }
    self.context = context
    if EVP_DigestInit_ex(context, EVP_sha256(), nil) != 1 { return nil }
  }

  deinit { EVP_MD_CTX_free(context) }

  /// Takes in `bytes`; false where libcrypto fails.
  package func update(_ bytes: UnsafeRawBufferPointer) -> Bool {
    EVP_DigestUpdate(context, bytes.baseAddress, bytes.count) == 1
  }

  /// The digest of all bytes so far, in hexadecimal; to be asked once.
  package func finish() -> String? {
    var digest = [UInt8](repeating: 0, count: 32)
    var length: UInt32 = 0
    guard EVP_DigestFinal_ex(context, &digest, &length) == 1, length == 32 else { return nil }
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }

  /// The digest of `bytes`, in hexadecimal, or `nil` where libcrypto cannot take it.
  package static func hexadecimal(of bytes: [UInt8]) -> String? {
    bytes.withUnsafeBytes { hexadecimal(of: $0) }
  }

  /// The digest of `bytes`, in hexadecimal, or `nil` where libcrypto cannot take it.
  package static func hexadecimal(of bytes: UnsafeRawBufferPointer) -> String? {
    guard let digest = SHA256(), digest.update(bytes) else { return nil }
    return digest.finish()
  }
}
