// swift-tools-version: 6.2

import PackageDescription

// As in the package of the server; without MemberImportVisibility, as time and signals are in more than
// one module of C here.
let swiftSettings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableExperimentalFeature("Lifetimes"),
]

// The server's own HTTP/2 and TLS are compiled again here: `Shared` is a link to its Sources, and what
// is `package` there is visible to this package alone.
let package = Package(
    name: "ByreBenchmarks",
    products: [
        .executable(name: "byre-bench", targets: ["byre-bench"])
    ],
    dependencies: [
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", exact: "0.2.0")
    ],
    targets: [
        .systemLibrary(
            name: "CNGHTTP2",
            path: "Shared/CNGHTTP2",
            pkgConfig: "libnghttp2",
            providers: [.apt(["libnghttp2-dev"])]
        ),
        .systemLibrary(
            name: "COpenSSL",
            path: "Shared/COpenSSL",
            pkgConfig: "openssl",
            providers: [.apt(["libssl-dev"])]
        ),
        // epoll and timers.
        .systemLibrary(name: "CLinux"),
        .target(name: "HTTP2", dependencies: ["CNGHTTP2"], path: "Shared/HTTP2"),
        .target(name: "Files", path: "Shared/Files"),
        .target(name: "TLS", dependencies: ["COpenSSL", "Files"], path: "Shared/TLS"),

        // Connections, schedules, workloads, measurements.
        .target(
            name: "LoadGenerator",
            dependencies: [
                "CLinux", "HTTP2", "TLS",
                .product(name: "Histogram", package: "hdrhistogram-swift"),
            ]
        ),
        .testTarget(
            name: "LoadGeneratorTests",
            dependencies: ["LoadGenerator"]
        ),

        // The command line.
        .executableTarget(name: "byre-bench", dependencies: ["LoadGenerator"]),
    ]
)

for target in package.targets where target.type != .system {
    target.swiftSettings = (target.swiftSettings ?? []) + swiftSettings
}
