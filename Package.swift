// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("InternalImportsByDefault"),
]

// Kernels and parsing of hostile bytes are unusable without optimisation, so debug builds optimise C too.
let strictC = ["-Wall", "-Wextra", "-Werror"]
let fastC: [CSetting] = [.unsafeFlags(["-O3", "-fno-math-errno", "-fno-trapping-math"] + strictC)]
let embeddingC: [CSetting] = [.unsafeFlags(["-std=c23", "-Wno-c23-extensions"] + strictC)]

let package = Package(
  name: "graft",
  products: [
    .executable(name: "graftc", targets: ["graftc"]),
    .library(name: "GraftIR", targets: ["GraftIR"]),
    .library(name: "GraftFormats", targets: ["GraftFormats"]),
    .library(name: "GraftCompiler", targets: ["GraftCompiler"]),
    .library(name: "GraftRunner", targets: ["GraftRunner"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
    .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
  ],
  targets: [
    // Ground floor: C loops and system libraries.
    .target(name: "GraftKernels", cSettings: fastC),
    .systemLibrary(name: "COpenBLAS"),
    .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(name: "CCrypto", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(name: "CLinux"),
    .systemLibrary(name: "CPNG", providers: [.apt(["libpng-dev"])]),
    // What libhdf5 does for graft, and the child process that it does it in.
    .target(name: "CHDF5", cSettings: [.unsafeFlags(["-O2"] + strictC)]),
    .systemLibrary(name: "CProtobufC", providers: [.apt(["libprotobuf-c-dev"])]),
    .target(
      name: "GraftONNXMessages", dependencies: ["CProtobufC"], exclude: ["onnx_minimal.proto"],
      cSettings: [.unsafeFlags(["-O2"] + strictC)]),

    // Values, graphs and primitives.
    .target(name: "GraftIR", dependencies: ["GraftKernels"], swiftSettings: strict),

    // Checkpoint files and the engine that streams weights between them.
    .target(
      name: "GraftFormats",
      dependencies: [
        "GraftIR", "GraftKernels", "CHDF5", "CLinux", "CZlib", "CCrypto", "CProtobufC", "GraftONNXMessages",
      ],
      swiftSettings: strict),

    // The language: text to architecture, graph and weight plan.
    .target(
      name: "GraftPrelude", exclude: ["graft"],
      cSettings: embeddingC),
    .target(
      name: "GraftSpecification", cSettings: embeddingC),
    .target(
      name: "GraftCompiler",
      dependencies: [
        "GraftIR", "GraftFormats", "GraftPrelude", "GraftSpecification", .product(name: "Yams", package: "Yams"),
      ],
      swiftSettings: strict),

    // Running graphs: kernels, memory, threads, sampling.
    .target(
      name: "GraftRunner", dependencies: ["GraftIR", "GraftFormats", "GraftKernels", "COpenBLAS", "CPNG"],
      swiftSettings: strict),

    .executableTarget(
      name: "graftc",
      dependencies: [
        "GraftIR", "GraftFormats", "GraftCompiler", "GraftRunner",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: strict),

    .testTarget(name: "GraftIRTests", dependencies: ["GraftIR"], swiftSettings: strict),
    .testTarget(
      name: "GraftFormatsTests", dependencies: ["GraftIR", "GraftFormats", "GraftKernels", "CCrypto"],
      swiftSettings: strict),
    .testTarget(
      name: "GraftCompilerTests", dependencies: ["GraftIR", "GraftFormats", "GraftCompiler"], swiftSettings: strict),
    .testTarget(
      name: "GraftRunnerTests", dependencies: ["GraftIR", "GraftFormats", "GraftKernels", "GraftRunner", "CPNG"],
      swiftSettings: strict),
    .testTarget(
      name: "graftcTests", dependencies: ["GraftIR", "GraftFormats", "GraftCompiler", "GraftRunner"],
      swiftSettings: strict),
  ]
)
