import FoundationEssentials
import Glibc

/// The command line of `byre-bench`.
package enum Command {
    package static let workloads: [any Workload.Type] = [
        RangeWorkload.self, PutWorkload.self, TxnWorkload.self, WatchWorkload.self,
        ListWorkload.self, CountWorkload.self, LeaseWorkload.self, DensityWorkload.self,
        MixedWorkload.self, NoisyWorkload.self, RestartWorkload.self, MemoryWorkload.self,
        TenantsWorkload.self,
    ]
    private static let usualRounds = 3

    /// Runs the command.
    /// - Returns: the exit code.
    package static func run(_ arguments: [String]) -> Int32 {
        do {
            try Self.perform(arguments)
            return 0
        } catch {
            Self.write("byre-bench: \(error)\n", to: 2)
            return 1
        }
    }

    private static func perform(_ arguments: [String]) throws(Failure) {
        guard let name = arguments.first, name != "--help", name != "help" else {
            Self.write(Self.help, to: 1)
            return
        }
        guard let workload = Self.workloads.first(where: { $0.name == name }) else {
            throw Failure("\(name): no such workload; see --help")
        }
        if arguments.contains("--help") {
            Self.write(Self.help(of: workload), to: 1)
            return
        }
        let options = try Options(
            Array(arguments.dropFirst()),
            flags: Flag.common + workload.flags
        )
        try Self.measure(workload, options, arguments)
    }

    private static func measure(
        _ type: any Workload.Type,
        _ options: Options,
        _ arguments: [String]
    ) throws(Failure) {
        Self.raiseFileLimit()
        let hosts = try Host.all(options)
        let workload = try type.init(options)
        // A target that fails takes no further part, and the others go on.
        var rows = hosts.map { Report.Row(name: $0.target.name) }
        for (index, host) in hosts.enumerated() {
            do throws(Failure) {
                try workload.prepare(host)
            } catch {
                rows[index].failure = error.description
            }
        }
        for round in 0..<(try options.count("rounds", Self.usualRounds)) {
            // Every other round backwards, so that no target always comes after the same one.
            let order = round % 2 == 0 ? Array(hosts.indices) : hosts.indices.reversed()
            for index in order where rows[index].failure == nil {
                do throws(Failure) {
                    rows[index].rounds.append(try workload.measure(hosts[index]))
                } catch {
                    rows[index].failure = error.description
                }
            }
        }
        if rows.allSatisfy({ $0.rounds.isEmpty }) {
            throw Failure(rows.compactMap(\.failure).joined(separator: "; "))
        }
        let report = Report(workload: type.name, arguments: arguments, rows: rows)
        let own = ["generator.cpu_us_per_operation", "generator.cpu_percent"]
        let asked = options.all("metric")
        Self.write(report.table(asked.isEmpty ? type.columns + own : asked), to: 1)
        guard let path = options.text("json") else { return }
        do {
            try report.json().write(toFile: path, atomically: true, encoding: .utf8)
        } catch {
            throw Failure("\(path): \(error)")
        }
    }

    /// Connections are many: as many files may be open as the system lets this user have.
    private static func raiseFileLimit() {
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        var limit = rlimit()
        guard getrlimit(resource, &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        setrlimit(resource, &limit)
    }

    private static func write(_ text: String, to descriptor: Int32) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }

    // MARK: Help

    private static var help: String {
        var text = """
            Measures servers that speak the etcd v3 API.

            byre-bench WORKLOAD --target NAME=URL [--target NAME=URL]... [flags]
            byre-bench WORKLOAD --help

            Targets take turns, and the table shows the median of the rounds. With two targets it shows
            the first, divided by the second. Latencies of an open loop (--rate) count from the time at
            which a request was to be sent.

            Workloads:

            """
        for workload in Self.workloads {
            text += Self.line(workload.name, workload.summary, width: 12)
        }
        return text + "\nFlags of all workloads:\n" + Self.lines(Flag.common)
    }

    private static func help(of workload: any Workload.Type) -> String {
        var text = "byre-bench \(workload.name): \(workload.summary)\n"
        if !workload.flags.isEmpty { text += "\nFlags:\n" + Self.lines(workload.flags) }
        text += "\nFlags of all workloads:\n" + Self.lines(Flag.common)
        text += "\nNumbers shown: " + workload.columns.joined(separator: ", ") + "\n"
        return text
    }

    private static func lines(_ flags: [Flag]) -> String {
        flags.map { flag in
            let name = flag.placeholder.map { "--\(flag.name) \($0)" } ?? "--\(flag.name)"
            return Self.line(name, flag.help, width: 30)
        }.joined()
    }

    private static func line(_ name: String, _ text: String, width: Int) -> String {
        "  " + name + String(repeating: " ", count: max(2, width - name.count)) + text + "\n"
    }
}
