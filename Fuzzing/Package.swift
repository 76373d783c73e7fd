// swift-tools-version: 6.2
import PackageDescription

// A package of its own, since everything below it is built again with the counters that libFuzzer steers by.
// `scripts/fuzz.sh` builds and runs it.
let package = Package(
  name: "graft-fuzz",
  dependencies: [.package(name: "graft", path: "..")],
  targets: [
    .executableTarget(
      name: "graft-fuzz",
      dependencies: [
        .product(name: "GraftIR", package: "graft"),
        .product(name: "GraftFormats", package: "graft"),
        .product(name: "GraftCompiler", package: "graft"),
      ],
      swiftSettings: [.swiftLanguageMode(.v6)],
      // The usual linker stumbles over the sanitizer's symbols.
      linkerSettings: [.unsafeFlags(["-use-ld=lld"])])
  ]
)
