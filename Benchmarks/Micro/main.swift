// Runs one micro-benchmark so many times: byre-micro CASE ITERATIONS. Without arguments it lists them.
// What one iteration costs is the difference of two runs, so the start does not count.

import Glibc

let cases: [MicroBenchmark] = [
    .indexGet, .indexPut, .indexCount, .decodeUpdate, .evaluateUpdate, .encodeList, .unaryCall,
    .appendToSQLite,
]

func say(_ text: String, to descriptor: Int32) {
    let bytes = Array(text.utf8)
    _ = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
}

let words = CommandLine.arguments.dropFirst()
guard let name = words.first, let count = words.dropFirst().first.flatMap({ Int($0) }), count > 0
else {
    for benchmark in cases { say("\(benchmark.name) \(benchmark.iterations)\n", to: 1) }
    exit(0)
}
guard let benchmark = cases.first(where: { $0.name == name }) else {
    say("byre-micro: no benchmark is called \(name)\n", to: 2)
    exit(2)
}
do {
    let iterate = try benchmark.prepare()
    var before = timespec()
    var after = timespec()
    clock_gettime(CLOCK_MONOTONIC, &before)
    for iteration in 0..<count { try iterate(iteration) }
    clock_gettime(CLOCK_MONOTONIC, &after)
    let nanoseconds =
        (after.tv_sec - before.tv_sec) * 1_000_000_000 + after.tv_nsec - before.tv_nsec
    say("\(nanoseconds / count)\n", to: 1)
} catch {
    say("byre-micro: \(error)\n", to: 2)
    exit(1)
}
