// swift-tools-version: 6.2

import PackageDescription

// What every Swift target is compiled with.
let swiftSettings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    // https://github.com/swiftlang/swift-evolution/blob/main/proposals/0335-existential-any.md
    .enableUpcomingFeature("ExistentialAny"),
    // https://github.com/swiftlang/swift-evolution/blob/main/proposals/0409-access-level-on-imports.md
    .enableUpcomingFeature("InternalImportsByDefault"),
    // https://github.com/swiftlang/swift-evolution/blob/main/proposals/0444-member-import-visibility.md
    .enableUpcomingFeature("MemberImportVisibility"),
    // https://github.com/swiftlang/swift-evolution/blob/main/proposals/0461-async-function-isolation.md
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    // `@_lifetime`, for readers that borrow a `RawSpan`.
    .enableExperimentalFeature("Lifetimes"),
]

let package = Package(
    name: "Byre",
    products: [
        .executable(name: "byre", targets: ["byre"])
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        // C libraries: a module map and a shim header each, nothing else.
        .systemLibrary(
            name: "CSQLite",
            pkgConfig: "sqlite3",
            providers: [.apt(["libsqlite3-dev"])]
        ),
        .systemLibrary(
            name: "CPostgres",
            pkgConfig: "libpq",
            providers: [.apt(["libpq-dev"])]
        ),
        .systemLibrary(
            name: "CNGHTTP2",
            pkgConfig: "libnghttp2",
            providers: [.apt(["libnghttp2-dev"])]
        ),
        .systemLibrary(
            name: "COpenSSL",
            pkgConfig: "openssl",
            providers: [.apt(["libssl-dev"])]
        ),

        // SQLite as Swift types: connection, statement, error.
        .target(name: "SQLite", dependencies: ["CSQLite"]),
        .testTarget(name: "SQLiteTests", dependencies: ["SQLite", "ByreTestKit"]),

        // PostgreSQL as Swift types: connection, pipeline, row, error.
        .target(name: "Postgres", dependencies: ["CPostgres"]),
        .testTarget(name: "PostgresTests", dependencies: ["Postgres", "ByreTestKit"]),

        // Counts and histograms that any thread may read.
        .target(name: "Instrumentation"),
        .testTarget(name: "InstrumentationTests", dependencies: ["Instrumentation"]),

        // HTTP/2 framing and HPACK (nghttp2) as a session without I/O.
        .target(name: "HTTP2", dependencies: ["CNGHTTP2"]),
        .testTarget(name: "HTTP2Tests", dependencies: ["HTTP2"]),

        // Small files, read and replaced whole; directories.
        .target(name: "Files"),
        .testTarget(name: "FilesTests", dependencies: ["Files", "ByreTestKit"]),

        // TLS (OpenSSL) as a connection without I/O.
        .target(name: "TLS", dependencies: ["COpenSSL", "Files"]),
        .testTarget(name: "TLSTests", dependencies: ["TLS", "ByreTestKit"]),

        // gRPC over HTTP/2: framing, status, metadata, calls. No I/O.
        .target(name: "GRPC"),
        .testTarget(name: "GRPCTests", dependencies: ["GRPC"]),

        // etcd's messages, their wire encoding, and its table of errors.
        .target(
            name: "EtcdAPI",
            dependencies: [.product(name: "SwiftProtobuf", package: "swift-protobuf")]
        ),
        .testTarget(name: "EtcdAPITests", dependencies: ["EtcdAPI"]),

        // The messages of Byre's own API, and the frames of an archive.
        .target(
            name: "ByreAPI",
            dependencies: [
                "EtcdAPI", .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ]
        ),
        .testTarget(name: "ByreAPITests", dependencies: ["ByreAPI"]),

        // The domain: index, transactions, watches, leases, compaction. No I/O, no clock.
        .target(
            name: "ByreCore",
            dependencies: [
                .product(name: "HashTreeCollections", package: "swift-collections"),
                .product(name: "DequeModule", package: "swift-collections"),
            ]
        ),
        .testTarget(name: "ByreCoreTests", dependencies: ["ByreCore", "ByreTestKit"]),

        // ByreCore's `Backend` on an embedded SQLite file.
        .target(name: "SQLiteBackend", dependencies: ["ByreCore", "SQLite"]),
        .testTarget(
            name: "SQLiteBackendTests",
            dependencies: ["SQLiteBackend", "BackendTestKit", "ByreTestKit"]
        ),

        // ByreCore's `SharedBackend` on a schema of PostgreSQL.
        .target(name: "PostgresBackend", dependencies: ["ByreCore", "Postgres"]),
        .testTarget(
            name: "PostgresBackendTests",
            dependencies: ["PostgresBackend", "Postgres", "BackendTestKit", "ByreTestKit"]
        ),

        // Drives ByreCore: committer and reader threads, locks, the value cache.
        .target(
            name: "Engine",
            dependencies: [
                "ByreCore", "Instrumentation", "Tenancy",
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "HashTreeCollections", package: "swift-collections"),
            ]
        ),
        .testTarget(
            name: "EngineTests",
            dependencies: ["Engine", "ByreTestKit", "Instrumentation"]
        ),

        // Sockets, event loops, listeners: runs GRPC over HTTP2 and TLS on SwiftNIO.
        .target(
            name: "Transport",
            dependencies: [
                "GRPC", "HTTP2", "Instrumentation", "TLS",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "Logging", package: "swift-log"),
            ]
        ),
        .testTarget(name: "TransportTests", dependencies: ["Transport", "ByreTestKit"]),

        // Who calls, and how much they may ask for: pure logic over ByreCore.
        .target(name: "Tenancy", dependencies: ["ByreCore"]),
        .testTarget(name: "TenancyTests", dependencies: ["Tenancy", "ByreTestKit"]),

        // The etcd v3 API: one file per RPC.
        .target(
            name: "EtcdServer",
            dependencies: [
                "ByreCore", "Engine", "EtcdAPI", "GRPC", "Tenancy",
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "Logging", package: "swift-log"),
            ]
        ),
        .testTarget(name: "EtcdServerTests", dependencies: ["EtcdServer", "ByreTestKit"]),

        // Byre's own API for administrators: one file per RPC.
        .target(
            name: "AdminServer",
            dependencies: [
                "ByreAPI", "ByreCore", "Engine", "EtcdAPI", "GRPC", "Tenancy",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ]
        ),
        .testTarget(
            name: "AdminServerTests",
            dependencies: ["AdminServer", "ByreTestKit"]
        ),

        // Declared tenants, and what makes them so: the plan, its steps, what is said about them.
        .target(name: "Controller", dependencies: ["ByreCore", "Files", "TLS"]),
        .testTarget(
            name: "ControllerTests",
            dependencies: ["Controller", "ByreCore", "ByreTestKit", "TLS"]
        ),

        // Tenants declared as objects of Kubernetes, their Secrets, and who leads.
        .target(
            name: "Kubernetes",
            dependencies: [
                "ByreCore", "Controller", "HTTP2", "TLS", "Transport",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Yams", package: "Yams"),
            ]
        ),
        .testTarget(name: "KubernetesTests", dependencies: ["Kubernetes"]),

        // The command line: flags, configuration, signals, wiring.
        .executableTarget(
            name: "byre",
            dependencies: [
                "AdminServer", "ByreAPI", "ByreCore", "Controller", "Engine", "EtcdAPI",
                "EtcdServer", "Files", "GRPC", "HTTP2", "Instrumentation", "Kubernetes",
                "PostgresBackend", "SQLiteBackend", "TLS", "Tenancy", "Transport",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
                .product(name: "Yams", package: "Yams"),
            ]
        ),
        .testTarget(
            name: "ByreTests",
            dependencies: [
                "byre", "ByreTestKit", "Controller", "Instrumentation", "TLS", "Tenancy",
            ]
        ),

        // Small parts of the server, done over and over, to count what they cost.
        .executableTarget(
            name: "byre-micro",
            dependencies: ["ByreCore", "EtcdAPI", "EtcdServer", "HTTP2", "SQLiteBackend"],
            path: "Benchmarks/Micro"
        ),

        // What tests of several targets share: backends in memory, a clock, tables of transactions.
        .target(name: "ByreTestKit", dependencies: ["ByreCore"], path: "Tests/ByreTestKit"),

        // What tests of backends share: the contract, and histories of commits.
        .target(
            name: "BackendTestKit",
            dependencies: ["ByreCore", "ByreTestKit"],
            path: "Tests/BackendTestKit"
        ),

        // The repository's own rules.
        .testTarget(name: "TidyTests"),
    ]
)

for target in package.targets where target.type != .system {
    target.swiftSettings = (target.swiftSettings ?? []) + swiftSettings
}
