// swift-tools-version: 6.2
import PackageDescription

/// Set while working on what needs neither HTTP nor gRPC: those stacks, and what is built on them, stay out of the build.
let isLight = Context.environment["PUNICA_LIGHT"] != nil

let settings: [SwiftSetting] =
    [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
    ]
    // Not for everybody: a newer compiler's new warning must not break a user's build.
    + (Context.environment["PUNICA_STRICT"] == nil ? [] : [.treatAllWarnings(as: .error)])

/// A Swift target of this package; `uses` names the targets below it, `products` those of other packages.
func module(
    _ name: String,
    uses: [String] = [],
    products: [Target.Dependency] = [],
    path: String? = nil,
    exclude: [String] = []
) -> Target {
    .target(
        name: name,
        dependencies: uses.map { .init(stringLiteral: $0) } + products,
        path: path,
        exclude: exclude,
        swiftSettings: settings
    )
}

func tests(_ subject: String, uses: [String], products: [Target.Dependency] = []) -> Target {
    .testTarget(
        name: "\(subject)Tests",
        dependencies: (uses + ["TestSupport"]).map { .init(stringLiteral: $0) } + products,
        swiftSettings: settings
    )
}

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let hummingbirdTesting = Target.Dependency.product(name: "HummingbirdTesting", package: "hummingbird")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let hummingbirdCore = Target.Dependency.product(name: "HummingbirdCore", package: "hummingbird")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let asn1 = Target.Dependency.product(name: "SwiftASN1", package: "swift-asn1")
let x509 = Target.Dependency.product(name: "X509", package: "swift-certificates")
let nio = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let signals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let asyncHTTPClient = Target.Dependency.product(name: "AsyncHTTPClient", package: "async-http-client")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let subprocess = Target.Dependency.product(name: "Subprocess", package: "swift-subprocess")
let systemPackage = Target.Dependency.product(name: "SystemPackage", package: "swift-system")
let grpcCore = Target.Dependency.product(name: "GRPCCore", package: "grpc-swift-2")
let grpcProtobuf = Target.Dependency.product(name: "GRPCProtobuf", package: "grpc-swift-protobuf")
let grpcTransport = Target.Dependency.product(name: "GRPCNIOTransportHTTP2Posix", package: "grpc-swift-nio-transport")
let swiftProtobuf = Target.Dependency.product(name: "SwiftProtobuf", package: "swift-protobuf")
let collections = Target.Dependency.product(name: "DequeModule", package: "swift-collections")
let heap = Target.Dependency.product(name: "HeapModule", package: "swift-collections")

/// What speaks HTTP or gRPC, and what is built on it.
let networkTargets: [Target] = [
    .executableTarget(
        name: "punica",
        dependencies: [
            "Server", "Serving", "Frontend", "Bench", "Doctor", "Simulation", "Engine", "Models", "Backends",
            "Adapters", "Tokenization", "ChatTemplates", "Weights", "JSON", "Core", "Roles", "ClusterProtocol",
            "Cluster", "AdapterExchange", "Provisioning", "WebClients", argumentParser, asyncHTTPClient, logging,
            signals,
        ],
        swiftSettings: settings
    ),
    module(
        "Roles",
        uses: [
            "ClusterProtocol", "Cluster", "Serving", "Frontend", "Engine", "Models", "Adapters", "Weights", "JSON",
            "Core",
        ],
        products: [asn1, grpcCore, grpcTransport, nio, nioSSL, x509, logging]
    ),
    tests(
        "Roles",
        uses: [
            "FrontendFakes", "Roles", "ClusterProtocol", "Cluster", "Serving", "Frontend", "OpenAI", "Engine",
            "Adapters", "Tokenization", "ChatTemplates", "JSON", "Core",
        ],
        products: [asn1, grpcCore, grpcTransport, swiftProtobuf, crypto, x509, logging]
    ),
    module(
        "ClusterProtocol",
        uses: ["Cluster", "Engine", "Core"],
        products: [grpcCore, grpcProtobuf, swiftProtobuf],
        exclude: ["proto"]
    ),
    tests(
        "ClusterProtocol",
        uses: ["ClusterProtocol", "Cluster", "Engine", "Core"],
        products: [grpcCore, grpcProtobuf, swiftProtobuf]
    ),
    module(
        "Server",
        uses: [
            "DashboardFiles", "Cluster", "Frontend", "OpenAI", "Tokenization", "Engine", "AdapterExchange", "Adapters",
            "JSON", "Core",
        ],
        products: [crypto, hummingbird, hummingbirdCore, nio, nioPosix, httpTypes, logging, lifecycle, signals]
    ),
    // The dashboard's page as text.
    .target(name: "DashboardFiles", exclude: ["web"]),
    tests(
        "Server",
        uses: [
            "FrontendFakes", "Server", "Cluster", "Frontend", "OpenAI", "Tokenization", "ChatTemplates", "Engine",
            "AdapterExchange", "Adapters", "JSON", "Core",
        ],
        products: [hummingbird, hummingbirdTesting, nio, httpTypes, logging, lifecycle, signals]
    ),
    module(
        "WebClients",
        uses: ["AdapterExchange", "Provisioning", "Core"],
        products: [asyncHTTPClient, nio, nioHTTP1, nioPosix, nioSSL]
    ),
    tests(
        "WebClients",
        uses: ["WebClients", "AdapterExchange", "Provisioning", "Core"],
        products: [asyncHTTPClient, nio, nioHTTP1, nioPosix, nioSSL]
    ),
]

let networkPackages: [Package.Dependency] = [
    .package(url: "https://github.com/apple/swift-asn1", from: "1.7.4"),
    .package(url: "https://github.com/apple/swift-certificates", from: "1.21.1"),
    .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
    .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0", traits: []),
    .package(url: "https://github.com/grpc/grpc-swift-2", from: "2.4.3"),
    .package(url: "https://github.com/grpc/grpc-swift-nio-transport", from: "2.9.2"),
    .package(url: "https://github.com/grpc/grpc-swift-protobuf", from: "2.4.1"),
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
    .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
]

// From the top of the house to its foundation; imports point down only (docs/architecture.md).
let package = Package(
    name: "punica",
    products: [.executable(name: "punica-bench", targets: ["punica-bench"])]
        + (isLight ? [] : [.executable(name: "punica", targets: ["punica"])]),
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2", traits: []),
    ] + (isLight ? [] : networkPackages),
    targets: (isLight ? [] : networkTargets) + [
        .executableTarget(
            name: "punica-bench",
            dependencies: ["Bench", "Doctor", "Simulation", argumentParser],
            swiftSettings: settings
        ),
        module(
            "Serving",
            uses: [
                "Frontend", "Engine", "Models", "Adapters", "Tokenization", "ChatTemplates", "Weights",
                "Backends", "JSON", "Core",
            ],
            products: [crypto]
        ),
        module("Frontend", uses: ["OpenAI", "Tokenization", "ChatTemplates", "Engine", "Adapters", "JSON", "Core"]),
        module(
            "Bench",
            uses: ["Engine", "Models", "Scheduling", "Adapters", "Weights", "Backends", "Charts", "JSON", "Core"],
            products: [argumentParser]
        ),
        module(
            "Doctor",
            uses: ["Models", "Adapters", "Weights", "Backends", "CUDA", "Sampling", "JSON", "Core"],
            products: [argumentParser]
        ),
        module("OpenAI", uses: ["JSON", "Core"]),
        module("Tokenization", uses: ["JSON", "Core"]),
        module("ChatTemplates", uses: ["JSON", "Core"]),
        module("Engine", uses: ["Scheduling", "Models", "Adapters", "Sampling", "Paging", "Backends", "Core"]),
        module("Models", uses: ["Adapters", "Sampling", "Weights", "Backends", "Core"]),
        module("Provisioning", uses: ["CUDA", "JSON", "Core"], products: [subprocess, systemPackage]),
        module("AdapterExchange", uses: ["Adapters", "Core"]),
        module("Scheduling", uses: ["Paging", "Core"], products: [collections]),
        module(
            "Simulation",
            uses: ["Cluster", "Sampling", "Charts", "JSON", "Core"],
            products: [argumentParser, heap]
        ),
        module("Cluster", uses: ["JSON", "Core"], products: [collections]),
        module("Adapters", uses: ["Weights", "JSON", "Core"], products: [crypto]),
        module("Weights", uses: ["JSON", "Core"]),
        module("Paging", uses: ["Core"]),
        module("Sampling", uses: ["Core"]),
        module("CUDA", uses: ["CCUDA", "CUDAKernels", "Core"]),
        // Function tables of libraries that are opened at run time, if they are there.
        .target(name: "CCUDA"),
        // Kernels as text, compiled for the GPU found.
        .target(name: "CUDAKernels", exclude: ["cu"]),
        module("Backends", uses: ["CUDA", "CUDAKernels", "Sampling", "CPUKernels", "Core"]),
        // Unoptimised kernels are some 36 times slower, and a debug build's tests would take an hour.
        .target(name: "CPUKernels", cSettings: [.unsafeFlags(["-O3"], .when(configuration: .debug))]),
        module("Charts", uses: []),
        module("JSON", uses: []),
        module("Core", uses: []),

        module("TestSupport", uses: ["JSON", "Core"], path: "Tests/TestSupport"),
        module("BackendFakes", uses: ["Backends", "Sampling", "Core"], path: "Tests/BackendFakes"),
        tests("Core", uses: ["Core"]),
        tests("JSON", uses: ["JSON"]),
        tests("Bench", uses: ["Bench", "JSON"], products: [argumentParser]),
        tests("Doctor", uses: ["BackendFakes", "Doctor", "Models", "Backends", "Weights", "Sampling", "Core"]),
        tests("Cluster", uses: ["Cluster", "JSON", "Core"]),
        tests("Scheduling", uses: ["Scheduling", "Paging", "Core"]),
        tests("Simulation", uses: ["Simulation", "Cluster", "JSON", "Core"], products: [argumentParser]),
        tests(
            "Engine",
            uses: ["Engine", "Models", "Adapters", "Weights", "Backends", "Scheduling", "Sampling", "JSON", "Core"]
        ),
        tests(
            "Models",
            uses: ["BackendFakes", "Models", "Adapters", "Weights", "Backends", "Sampling", "JSON", "Core"]
        ),
        tests("Paging", uses: ["Paging", "Core"]),
        tests("Sampling", uses: ["Sampling", "Core"]),
        tests("CPUKernels", uses: ["CPUKernels"]),
        tests("CUDA", uses: ["CUDA", "CCUDA", "CUDAKernels", "Core"]),
        tests("Backends", uses: ["Backends", "CUDAKernels", "Core"]),
        tests("Weights", uses: ["Weights", "JSON", "Core"]),
        tests("Adapters", uses: ["Adapters", "Weights", "JSON", "Core"]),
        tests("Provisioning", uses: ["Provisioning", "JSON", "Core"]),
        tests("AdapterExchange", uses: ["AdapterExchange", "Adapters", "Weights", "JSON", "Core"]),
        tests("Tokenization", uses: ["Tokenization", "JSON", "Core"]),
        tests("ChatTemplates", uses: ["ChatTemplates", "JSON", "Core"]),
        tests("OpenAI", uses: ["OpenAI", "JSON", "Core"]),
        module(
            "FrontendFakes",
            uses: ["Frontend", "Tokenization", "ChatTemplates", "Engine", "Adapters", "JSON", "Core"],
            path: "Tests/FrontendFakes"
        ),
        tests(
            "Frontend",
            uses: [
                "FrontendFakes", "Frontend", "OpenAI", "Tokenization", "ChatTemplates", "Engine",
                "Adapters", "JSON", "Core",
            ]
        ),
        tests(
            "Serving",
            uses: [
                "Serving", "Frontend", "Engine", "Adapters", "Tokenization", "ChatTemplates", "JSON",
                "Core",
            ]
        ),
    ],
    swiftLanguageModes: [.v6],
    cLanguageStandard: .gnu17
)
