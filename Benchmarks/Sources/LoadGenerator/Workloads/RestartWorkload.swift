import CLinux
import Glibc

/// How long a server takes from its start to its first linearizable answer.
package struct RestartWorkload: Workload {
    package static let name = "restart"
    package static let summary =
        "starts a server on the data it has, until it answers; and its memory"
    package static let flags = [
        Flag("command", "NAME=COMMAND", "what starts a target; it must not be running")
    ]
    package static let columns = [
        "answer_ms", "start_cpu_seconds", "server.rss_bytes", "server.cache_bytes",
        "server.rss_above_cache_bytes", "idle_cpu_percent",
    ]
    /// How long a start may take, and how often it is asked: nanoseconds.
    private static let patience: UInt64 = 300_000_000_000
    private static let interval: UInt64 = 2_000_000

    private let commands: [String: String]
    /// How long the server is watched once it has answered.
    private let seconds: Double

    package init(_ options: Options) throws(Failure) {
        var commands: [String: String] = [:]
        for (name, command) in try options.named("command") { commands[name] = command }
        self.commands = commands
        self.seconds = try options.decimal("seconds") ?? 3
    }

    package func measure(_ host: Host) throws(Failure) -> Metrics {
        guard let command = self.commands[host.target.name] else {
            throw Failure("--command \(host.target.name)=COMMAND is missing")
        }
        let start = Monotonic.now
        let process = try Self.spawn(command)
        defer {
            kill(process, SIGTERM)
            var status: Int32 = 0
            while waitpid(process, &status, 0) < 0 && errno == EINTR {}
        }
        while (try? host.revision()) == nil {
            guard Monotonic.now < start + Self.patience else {
                throw Failure("\(host.target.name) does not answer")
            }
            Monotonic.wait(until: Monotonic.now + Self.interval)
        }
        var metrics = Metrics()
        metrics["answer_ms"] = Double(Monotonic.now - start) / 1e6
        let use = ProcessUse(of: [process])
        metrics["start_cpu_seconds"] = use.cpuSeconds
        let settled = ProcessUse.settled([process])
        metrics["server.rss_bytes"] = settled.residentBytes
        // A server without a cache of values says nothing of one.
        let cache = ServerMetrics.value(ServerMetrics.cacheBytes, of: host.target.endpoint) ?? 0
        metrics["server.cache_bytes"] = cache
        metrics["server.rss_above_cache_bytes"] = settled.residentBytes - cache
        let rest = Monotonic.now
        let idle = ProcessUse(of: [process])
        Monotonic.wait(until: rest + Monotonic.nanoseconds(self.seconds))
        let end = ProcessUse(of: [process])
        if self.seconds > 0 {
            metrics["idle_cpu_percent"] = (end.cpuSeconds - idle.cpuSeconds) / self.seconds * 100
        }
        return metrics
    }

    /// Starts `command` in a shell that it replaces, with its output thrown away.
    private static func spawn(_ command: String) throws(Failure) -> Int32 {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for descriptor in [Int32(1), 2] {
            posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_WRONLY, 0)
        }
        var process: pid_t = 0
        let words = ["/bin/sh", "-c", "exec \(command)"]
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        let code = posix_spawn(&process, "/bin/sh", &actions, nil, &arguments, environ)
        guard code == 0 else { throw Failure("\(command): \(String(cString: strerror(code)))") }
        return process
    }
}
