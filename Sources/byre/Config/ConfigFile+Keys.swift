extension ConfigFile {
    /// Every key of the file's first level.
    static let section = ConfigSection<ConfigFile>([
        .flag("name", "name"),
        ConfigKey(
            "stores",
            "LIST",
            "The databases that hold the tenants. For now there is one.",
            nested: StoreDraft.section.help,
            read: readStores
        ),
        ConfigKey(
            "listeners",
            "LIST",
            "Where clients connect, and how they are told apart.",
            nested: ListenerDraft.clientSection.help
        ) { (file, node) throws(ConfigError) in
            for item in try node.list() {
                file.listeners.append(try ListenerDraft.client(item))
            }
        },
        ConfigKey(
            "metrics",
            "LIST",
            """
            Further places, which serve the metrics of all tenants, /health, /livez and /readyz to \
            everybody who can connect. A tenant's own listener shows what is the tenant's.
            """,
            nested: ListenerDraft.monitoringSection.help
        ) { (file, node) throws(ConfigError) in
            for item in try node.list() {
                file.listeners.append(try ListenerDraft.metrics(item))
            }
        },
        ConfigKey(
            "admin",
            "MAPPING",
            "Where the admin API is served, which \"byre tenant\" uses. Without it, nowhere.",
            nested: ListenerDraft.monitoringSection.help
        ) { (file, node) throws(ConfigError) in
            file.listeners.append(try ListenerDraft.admin(node))
        },
        ConfigKey(
            "administrators",
            "LIST",
            """
            Who sees the keys of all tenants through the etcd API, and may use the admin API over \
            TLS. A certificate that may be a tenant's too is refused.
            """,
            nested: AdministratorDraft.section.help,
            read: readAdministrators
        ),
        .flag("quotaBackendBytes", "quota-backend-bytes", in: .bytes),
        .section("limits", "Bounds of the server.", limits),
        ConfigKey(
            "autoCompaction",
            "MAPPING",
            "History kept when the server compacts by itself.",
            nested: compacting.help
        ) { (file, node) throws(ConfigError) in
            try compacting.read(node, into: &file)
            try check(retention: file, node)
        },
        .section("compaction", "How compaction works.", compaction),
        .section("keepalive", "Pings that keep and probe connections.", keepalive),
        .flag(
            "watchProgressNotifyInterval",
            "watch-progress-notify-interval",
            in: .duration
        ),
        ConfigKey(
            "electionTimeout",
            "DURATION",
            """
            As in etcd, a lease lasts at least one and a half times this long, and a request may \
            take twice this long and 5s. From 500ms to 50s. [default 1s]
            """
        ) { (file, node) throws(ConfigError) in
            let duration = try ConfigUnits.duration(node)
            guard (.milliseconds(500) ... .seconds(50)).contains(duration) else {
                throw node.error("\(duration.flagText) is not from 500ms to 50s")
            }
            file.options.electionMilliseconds = UInt(duration.nanoseconds / 1_000_000)
        },
        ConfigKey(
            "advertiseClientURLs",
            "LIST",
            """
            Where MemberList tells clients to connect. Without it, the URLs of the listeners, with \
            the machine's host name for 0.0.0.0 and [::].
            """
        ) { (file, node) throws(ConfigError) in
            for item in try node.list() {
                file.options.advertiseClientURLs.append(
                    try ConfigUnits.value(ListenURL.self, item)
                )
            }
        },
        .flag("threads", "threads"),
        .flag("claimVersion", "claim-version"),
        .section("log", "What is logged, and where.", log),
    ])

    private static let limits = ConfigSection<ConfigFile>([
        .flag("cacheBytes", "cache-bytes", in: .bytes),
        .flag("connections", "max-connections"),
        .flag("requestBytes", "max-request-bytes", in: .bytes),
        .flag("txnOperations", "max-txn-ops"),
        .flag("streamsPerConnection", "max-concurrent-streams"),
    ])

    private static let compaction = ConfigSection<ConfigFile>([
        .flag("batchLimit", "compaction-batch-limit"),
        .flag("sleepInterval", "compaction-sleep-interval", in: .duration),
    ])

    private static let keepalive = ConfigSection<ConfigFile>([
        .flag("minTime", "grpc-keepalive-min-time", in: .duration),
        .flag("interval", "grpc-keepalive-interval", in: .duration),
        .flag("timeout", "grpc-keepalive-timeout", in: .duration),
    ])

    private static let compacting = ConfigSection<ConfigFile>([
        ConfigKey(
            "mode",
            AutoCompactionMode.placeholder,
            "Whether \"retention\" is a time or a number of revisions. [default periodic]"
        ) { (file, node) throws(ConfigError) in
            file.options.autoCompactionMode = try ConfigUnits.value(AutoCompactionMode.self, node)
        },
        ConfigKey(
            "retention",
            "DURATION|N",
            """
            Periodic: a duration such as 30m, or a number of hours. Revision: a number of \
            revisions. 0 turns it off. [default 0]
            """
        ) { (file, node) throws(ConfigError) in
            file.options.autoCompactionRetention = try node.text()
        },
    ])

    private static func check(retention file: ConfigFile, _ node: ConfigNode) throws(ConfigError) {
        let text = file.options.autoCompactionRetention
        do {
            _ = try file.options.autoCompactionMode.compaction(retention: text)
        } catch {
            throw node.error("retention: \"\(text)\" \(error.reason)")
        }
    }

    private static let log = ConfigSection<ConfigFile>([
        .flag("level", "log-level"),
        .flag("format", "log-format"),
        ConfigKey(
            "outputs",
            "LIST",
            "Any of stderr, stdout, and paths of files. [default stderr]"
        ) { (file, node) throws(ConfigError) in
            var outputs: [String] = []
            for item in try node.oneOrMore() {
                let text = try item.text()
                outputs.append(
                    ["stderr", "stdout", "default"].contains(text) ? text : try item.path()
                )
            }
            file.options.logOutputs = outputs
        },
    ])
}

extension ConfigKey where Value == ConfigFile {
    /// How the text of a value is written here, where a flag has a plain number.
    enum Unit: Sendable {
        case asInTheFlag
        case bytes
        case duration
    }

    /// Makes a key that sets what a flag sets, under the flag's rules.
    static func flag(_ name: String, _ flagName: String, in unit: Unit = .asInTheFlag) -> Self {
        guard let flag = ServeFlags.table[flagName] else {
            preconditionFailure("there is no flag --\(flagName)")
        }
        let placeholder =
            switch unit {
            case .asInTheFlag: flag.placeholder
            case .bytes: "BYTES"
            case .duration: "DURATION"
            }
        let byDefault = flag.defaultText.isEmpty ? "" : " [default \(flag.defaultText)]"
        return ConfigKey(name, placeholder, flag.help + byDefault) {
            (file, node) throws(ConfigError) in
            let text =
                switch unit {
                case .asInTheFlag: try node.text()
                case .bytes: String(try ConfigUnits.bytes(node))
                case .duration: try ConfigUnits.duration(node).flagText
                }
            do throws(FlagValueError) {
                try flag.assign(&file.options, text)
            } catch {
                throw node.error("\"\(text)\" \(error.reason)")
            }
        }
    }

    /// Makes a key whose value is a mapping of settings.
    static func section(
        _ name: String,
        _ help: String,
        _ section: ConfigSection<ConfigFile>
    ) -> Self {
        ConfigKey(name, "MAPPING", help, nested: section.help) { (file, node) throws(ConfigError) in
            try section.read(node, into: &file)
        }
    }
}
