/// Point reads.
package struct RangeWorkload: Workload {
    package static let name = "range"
    package static let summary = "gets single keys, linearizable or serializable"
    package static let flags = [
        Flag("serializable", nil, "answers may be of the server's own state")
    ]
    package static let columns = [
        "range.per_second", "range.p50_us", "range.p99_us", "server.cpu_us_per_operation",
    ]

    private let shape: LoadShape
    private let keys: Keys
    private let valueBytes: Int
    private let isSerializable: Bool

    package init(_ options: Options) throws(Failure) {
        self.shape = try options.shape()
        self.keys = try options.keys()
        self.valueBytes = try options.number("value-bytes", 1024)
        self.isSerializable = options.isSet("serializable")
    }

    package func prepare(_ host: Host) throws(Failure) {
        try host.fill(self.keys, valueBytes: self.valueBytes)
    }

    package func measure(_ host: Host) throws(Failure) -> Metrics {
        try LoadRun(host, self.shape).measure(kinds: [Self.name]) {
            RangeSource(self.keys, isSerializable: self.isSerializable, worker: $0)
        }
    }
}

/// Plain puts.
package struct PutWorkload: Workload {
    package static let name = "put"
    package static let summary = "puts single keys"
    package static let columns = [
        "put.per_second", "put.p50_us", "put.p99_us", "server.cpu_us_per_operation",
        "disk.written_bytes_per_operation",
    ]

    private let shape: LoadShape
    private let keys: Keys
    private let valueBytes: Int

    package init(_ options: Options) throws(Failure) {
        self.shape = try options.shape()
        self.keys = try options.keys()
        self.valueBytes = try options.number("value-bytes", 1024)
    }

    package func measure(_ host: Host) throws(Failure) -> Metrics {
        try LoadRun(host, self.shape).measure(kinds: [Self.name]) {
            PutSource(self.keys, valueBytes: self.valueBytes, worker: $0)
        }
    }
}

/// The transactions of a kube-apiserver.
package struct TxnWorkload: Workload {
    package static let name = "txn"
    package static let summary = "creates, updates, deletes as a kube-apiserver does"
    package static let flags = [
        Flag("cycle", "update|create|cycle", "what is done to keys (update)"),
        Tenants.flag,
    ]
    package static let columns = [
        "update.per_second", "update.p50_us", "update.p99_us", "create.per_second",
        "create.p99_us", "delete.per_second", "delete.p99_us", "server.cpu_us_per_operation",
        "disk.written_bytes_per_operation",
    ]

    private let shape: LoadShape
    private let keys: Keys
    private let valueBytes: Int
    private let cycle: TxnSource.Cycle
    private let tenants: Int

    package init(_ options: Options) throws(Failure) {
        self.shape = try options.shape()
        let cycle = TxnSource.Cycle(rawValue: options.text("cycle") ?? "update")
        guard let cycle, cycle != .learn else {
            throw Failure("--cycle is update, create or cycle")
        }
        self.cycle = cycle
        self.tenants = try options.count("tenants", 1)
        // More than are created in a round.
        self.keys = try options.keys(cycle == .update ? 10_000 : 5_000_000)
        guard self.keys.count >= self.shape.lanes else {
            throw Failure("--keys has to be \(self.shape.lanes) at least: each lane has its own")
        }
        self.valueBytes = try options.number("value-bytes", 1024)
    }

    package func measure(_ host: Host) throws(Failure) -> Metrics {
        var keys = self.keys
        if self.cycle != .update {
            let round = String(Monotonic.now, radix: 36)
            keys = Keys(
                prefix: String(decoding: keys.prefix, as: UTF8.self) + round + "/",
                count: keys.count
            )
        }
        let table = KeyTable(count: keys.count)
        let ofTenants = Tenants.keys(keys, self.tenants)
        let targets = try host.target.tenants(self.tenants)
        func source(_ cycle: TxnSource.Cycle) -> TxnSource {
            TxnSource(ofTenants, table, cycle, lanes: self.shape.lanes, valueBytes: self.valueBytes)
        }
        if self.cycle == .update && self.tenants == 1 {
            try host.learn(keys, table, valueBytes: self.valueBytes)
        } else if self.cycle == .update {
            // By the same lanes, which have the same tenants.
            var shape = self.shape
            shape.rate = nil
            try LoadRun(host, shape, tenants: targets).exhaust { _ in source(.learn) }
        }
        return try LoadRun(host, self.shape, tenants: targets)
            .measure(kinds: TxnSource.kinds) { _ in source(self.cycle) }
    }
}
