import Glibc

/// Runs one micro-benchmark so many times: byre-micro CASE ITERATIONS. Without arguments it lists them.
///
/// What one iteration costs is the difference of two runs, so the start does not count.
@main enum ByreMicro {
    private static let cases: [MicroBenchmark] = [
        .indexGet, .indexPut, .indexCount, .decodeUpdate, .evaluateUpdate, .encodeList, .unaryCall,
        .appendToSQLite,
    ]

    static func main() {
        let words = CommandLine.arguments.dropFirst()
        guard let name = words.first, let count = words.dropFirst().first.flatMap({ Int($0) }),
            count > 0
        else {
            for benchmark in self.cases {
                self.say("\(benchmark.name) \(benchmark.iterations)\n", to: STDOUT_FILENO)
            }
            return
        }
        guard let benchmark = self.cases.first(where: { $0.name == name }) else {
            self.say("byre-micro: no benchmark is called \(name)\n", to: STDERR_FILENO)
            exit(2)
        }
        do {
            self.say("\(try self.nanoseconds(benchmark, count))\n", to: STDOUT_FILENO)
        } catch {
            self.say("byre-micro: \(error)\n", to: STDERR_FILENO)
            exit(1)
        }
    }

    /// Nanoseconds that one of `count` iterations takes.
    private static func nanoseconds(_ benchmark: MicroBenchmark, _ count: Int) throws -> Int {
        let iterate = try benchmark.prepare()
        var before = timespec()
        var after = timespec()
        clock_gettime(CLOCK_MONOTONIC, &before)
        for iteration in 0..<count { try iterate(iteration) }
        clock_gettime(CLOCK_MONOTONIC, &after)
        return ((after.tv_sec - before.tv_sec) * 1_000_000_000 + after.tv_nsec - before.tv_nsec)
            / count
    }

    private static func say(_ text: String, to descriptor: Int32) {
        let bytes = Array(text.utf8)
        _ = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    }
}
