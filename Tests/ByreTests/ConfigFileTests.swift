import ByreCore
import Glibc
import TLS
import Tenancy
import Testing
import byre

@Suite struct ConfigFileTests {
    private static func read(_ yaml: String) throws -> ConfigFile {
        try ConfigFile(yaml: yaml, path: "etc/byre.yaml")
    }

    /// The shortest file that serves, with `more` after it.
    private static func file(_ more: String) -> String {
        """
        stores: [{name: main, url: "sqlite:///data/main.db"}]
        listeners: [{url: "http://127.0.0.1:2401", tenant: acme}]
        \(more)
        """
    }

    private static let full = """
        name: byre-1
        stores:
          - {name: main, url: "sqlite:///var/lib/byre/main.db"}
        listeners:
          - url: https://0.0.0.0:2379
            tls: {certificate: server.crt, key: /etc/server.key, clientCA: [a.crt, b.crt], crl: x.crl}
            tenant: {from: [uriSAN, dnsSAN, commonName]}
          - url: https://0.0.0.0:2380
            tls: {certificate: server.crt, key: server.key, clientCA: ca.crt, minVersion: TLS1.3}
            tenant: {from: [serverName], suffix: ".etcd.example.com", and: commonName}
          - {url: "http://127.0.0.1:2401", tenant: acme}
          - {url: "unix:/run/byre/acme.sock", tenant: acme, socketMode: 0660}
          - {url: "unix:globex.sock", tenant: globex}
        metrics: [{url: "http://127.0.0.1:2381"}]
        admin:
          url: https://127.0.0.1:2382
          tls: {certificate: server.crt, key: server.key, clientCA: ca.crt}
        administrators:
          - {name: alice, commonName: alice, uriSAN: "spiffe://ops/alice"}
        limits: {cacheBytes: 256Mi, connections: 20000, requestBytes: 2M, txnOperations: 256}
        quotaBackendBytes: 8Gi
        autoCompaction: {retention: 1000, mode: revision}
        compaction: {batchLimit: 500, sleepInterval: 20ms}
        keepalive: {minTime: 1s, interval: 1h30m, timeout: 10s}
        watchProgressNotifyInterval: 5m
        electionTimeout: 2s
        advertiseClientURLs: [https://etcd.example.com:2379]
        threads: 4
        claimVersion: 3.6.0
        log: {level: warn, format: console, outputs: [stderr, byre.log]}
        """

    @Test func theURLOfAStoreMayBeInAFile() throws {
        let path = "/tmp/byre-test-\(getpid()).url"
        let url = "postgresql://byre:secret@db/byre?schema=byre"
        let file = try #require(fopen(path, "w"))
        fputs(url + "\n", file)
        fclose(file)
        defer { unlink(path) }
        func read(_ store: String) throws -> ConfigFile {
            try Self.read(
                """
                stores: [{name: main, urlFile: \(path)\(store)}]
                listeners: [{url: "http://127.0.0.1:2401", tenant: acme}]
                """
            )
        }
        #expect(try read("").options.store == .postgres(url: url))
        #expect(
            throws: ConfigError("etc/byre.yaml:1:10: \"url\" and \"urlFile\" exclude each other")
        ) {
            try read(", url: \"sqlite:///a\"")
        }
        let other = try #require(fopen(path, "w"))
        fputs("a-secret", other)
        fclose(other)
        #expect(
            throws: ConfigError(
                "etc/byre.yaml:1:32: the file holds no URL of a store that can be used"
            )
        ) {
            try read("")
        }
    }

    @Test func everythingIsTaken() throws {
        let file = try Self.read(Self.full)
        let options = file.options
        #expect(options.name == "byre-1")
        #expect(options.store == .sqlite(path: "/var/lib/byre/main.db"))
        #expect(options.cacheBytesMax == 268_435_456)
        #expect(options.connectionsMax == 20_000)
        #expect(options.requestBytesMax == 2_000_000)
        #expect(options.txnOpsMax == 256)
        #expect(options.quotaBytes == 8 << 30)
        #expect(options.autoCompactionMode == .revision)
        #expect(options.autoCompactionRetention == "1000")
        #expect(options.compactionBatchLimit == 500)
        #expect(options.compactionSleepInterval == .milliseconds(20))
        #expect(options.keepaliveMinTime == .seconds(1))
        #expect(options.keepaliveInterval == .seconds(5_400))
        #expect(options.keepaliveTimeout == .seconds(10))
        #expect(options.progressNotifyInterval == .seconds(300))
        #expect(options.electionMilliseconds == 2_000)
        #expect(options.advertiseClientURLs.map(\.description) == ["https://etcd.example.com:2379"])
        #expect(options.threads == 4)
        #expect(options.claimedVersion.server == "3.6.0")
        #expect(options.logLevel == .warn)
        #expect(options.logFormat == .console)
        #expect(options.logOutputs == ["stderr", "etc/byre.log"])
    }

    @Test func listenersAreTaken() throws {
        let file = try Self.read(Self.full)
        #expect(
            file.listeners.map { "\($0.role) \($0.url)" } == [
                "client https://0.0.0.0:2379", "client https://0.0.0.0:2380",
                "client http://127.0.0.1:2401", "client unix:///run/byre/acme.sock",
                "client unix://etc/globex.sock", "metrics http://127.0.0.1:2381",
                "admin https://127.0.0.1:2382",
            ]
        )
        #expect(file.listeners.map(\.socketMode) == [nil, nil, nil, 0o660, 0o600, nil, nil])
        let tls = try #require(file.listeners[0].tls)
        #expect(tls.certificates == .files(certificate: "etc/server.crt", key: "/etc/server.key"))
        #expect(tls.trustedCAFiles == ["etc/a.crt", "etc/b.crt"])
        #expect(tls.revocationFiles == ["etc/x.crl"])
        #expect(file.listeners[1].tls?.versionMin == .tls13)
        let administrators = [
            Administrator(name: "alice", identity: TenantIdentity(.commonName, "alice")),
            Administrator(name: "alice", identity: TenantIdentity(.uriSAN, "spiffe://ops/alice")),
        ]
        #expect(file.administrators == administrators)
        #expect(
            file.listeners[1].rules
                == IdentityRules(
                    .from([.serverName], and: .commonName),
                    suffix: ".etcd.example.com",
                    asksForCertificates: true,
                    administrators: administrators
                )
        )
        #expect(file.listeners[2].rules.binding == .tenant("acme"))
        #expect(file.listeners[2].rules.asksForCertificates == false)
    }

    @Test func theServerIsConfiguredByIt() throws {
        let configuration = try ServeConfiguration(
            Self.read(Self.full),
            path: "etc/byre.yaml",
            personality: .byre
        )
        #expect(configuration.store == .sqlite(path: "/var/lib/byre/main.db"))
        #expect(configuration.quotaBytes == 8 << 30)
        #expect(configuration.autoCompaction == .revision(retention: 1_000))
        #expect(configuration.leaseTTLSecondsMin == 3)
        #expect(configuration.listeners.count == 7)
        #expect(configuration.notes.isEmpty)
    }

    struct Mistake: Sendable {
        let yaml: String
        /// Begins with line and column.
        let message: String

        init(_ yaml: String, _ message: String) {
            self.yaml = yaml
            self.message = message
        }

        /// A mistake on the third line of an otherwise good file.
        init(more yaml: String, _ message: String) {
            self.init(ConfigFileTests.file(yaml), message)
        }
    }

    @Test(arguments: [
        Mistake("", "1:1: the file is empty"),
        Mistake("a: [", "2:1: did not find expected node content"),
        Mistake("- a", "1:1: a mapping of keys to values is wanted here"),
        Mistake("listeners: []", "1:1: \"stores\" is missing: name a database"),
        Mistake(
            "stores: [{name: main, url: \"sqlite:///m.db\"}]",
            "1:1: \"listeners\" is missing: name a place to listen on"
        ),
        // Keys.
        Mistake(more: "limit: {}", "3:1: unknown key \"limit\"; did you mean \"limits\"?"),
        Mistake(
            more: "admin:\n  url: unix:/a\n  tlss: {}",
            "5:3: unknown key \"tlss\"; did you mean \"tls\"?"
        ),
        Mistake(
            more: "limits: {memory: 1Gi}",
            "3:10: unknown key \"memory\"; the keys here are cacheBytes, connections, "
                + "requestBytes, txnOperations, streamsPerConnection"
        ),
        Mistake(more: "threads: 1\nthreads: 2", "3:1: key \"threads\" is given twice"),
        // Units and types.
        Mistake(
            more: "limits: {cacheBytes: 256MB}",
            "3:22: \"256MB\" is not a number of bytes such as 1048576, 512Ki, 256Mi or 1Gi"
        ),
        Mistake(
            more: "limits: {cacheBytes: 1.5Gi}",
            "3:22: \"1.5Gi\" is not a number of bytes such as 1048576, 512Ki, 256Mi or 1Gi"
        ),
        Mistake(
            more: "quotaBackendBytes: 9000000Ti",
            "3:20: \"9000000Ti\" is more bytes than there can be"
        ),
        Mistake(
            more: "limits: {cacheBytes: 2Ti}",
            "3:22: \"2199023255552\" is not a whole number from 0 to 1099511627776"
        ),
        Mistake(
            more: "limits: {connections: many}",
            "3:23: \"many\" is not a whole number from 0 to 1000000"
        ),
        Mistake(more: "limits: {connections: }", "3:23: a value is missing"),
        Mistake(
            more: "limits: {connections: [1]}",
            "3:23: one value is wanted here, not a list or a mapping"
        ),
        Mistake(more: "limits: 5", "3:9: a mapping of keys to values is wanted here"),
        Mistake(more: "metrics: {}", "3:10: a list is wanted here"),
        Mistake(
            more: "watchProgressNotifyInterval: 5 minutes",
            "3:30: \"5 minutes\" is not a duration such as 500ms, 5s, 10m or 1h30m"
        ),
        Mistake(more: "keepalive: {minTime: -1s}", "3:22: \"-1s\" is negative"),
        Mistake(more: "electionTimeout: 1m", "3:18: 1m is not from 500ms to 50s"),
        Mistake(
            more: "autoCompaction: {mode: revision, retention: 5m}",
            "3:17: retention: \"5m\" is not a number of revisions"
        ),
        Mistake(
            more: "log: {level: loud}",
            "3:14: \"loud\" is not one of debug|info|warn|error|panic|fatal"
        ),
        // Stores.
        Mistake("stores: [{name: main}]", "1:10: \"url\" is missing"),
        Mistake(
            "stores:\n  - {name: a, url: \"sqlite:///a\"}\n  - {name: b, url: \"sqlite:///b\"}",
            "3:5: one store can be served, and this is the second"
        ),
        Mistake(
            "stores: [{name: a, url: \"mysql://a\"}]",
            "1:25: \"mysql://a\" is not the URL of a store such as sqlite:///var/lib/byre/byre.db or "
                + "postgresql://user@host/database?schema=byre"
        ),
        Mistake(
            "stores: [{name: a, url: \"postgresq://a:secret@b/c\"}]",
            "1:25: \"postgresq://a:***@b/c\" is not the URL of a store such as "
                + "sqlite:///var/lib/byre/byre.db or postgresql://user@host/database?schema=byre"
        ),
        Mistake(
            "stores: [{name: a, url: \"postgresql://a@b/c\", connections: 4}]",
            "1:60: 4 is not a whole number from 5 to 1000"
        ),
        Mistake(
            "stores: [{name: a, urlFile: nowhere}]",
            "1:29: etc/nowhere: there is no such file"
        ),
        // Listeners.
        Mistake("listeners: [{tenant: a}]", "1:13: \"url\" is missing"),
        Mistake(
            "listeners: [{url: \"http://127.0.0.1:1\"}]",
            "1:13: \"tenant\" is missing: say whose the clients are"
        ),
        Mistake(
            "listeners: [{url: \"http://db.example:1\", tenant: a}]",
            "1:19: http://db.example:1 must name an IP address or localhost"
        ),
        Mistake(
            "listeners: [{url: \"https://127.0.0.1:1\", tenant: a}]",
            "1:19: https://127.0.0.1:1 needs \"tls\" with a certificate and a key"
        ),
        Mistake(
            "listeners: [{url: \"http://127.0.0.1:1\", tenant: a, socketMode: 0600}]",
            "1:64: http://127.0.0.1:1 is no unix socket"
        ),
        Mistake(
            "listeners: [{url: \"unix:/a\", tenant: a, socketMode: 0680}]",
            "1:53: \"0680\" is not a file's mode such as 0600 or 0660"
        ),
        Mistake(
            "listeners: [{url: \"http://127.0.0.1:1\", tenant: Acme}]",
            "1:49: tenant is not a name of a tenant: 1 to 63 letters a-z, digits and hyphens"
        ),
        Mistake(
            "listeners: [{url: \"http://127.0.0.1:1\", tenant: {from: [commonName]}}]",
            "1:49: tenant looks at commonName, but the listener asks for no client certificates: "
                + "add tls.clientCA"
        ),
        Mistake(
            "listeners: [{url: \"http://127.0.0.1:1\", tenant: {from: [cn]}}]",
            "1:57: \"cn\" is not one of uriSAN, dnsSAN, commonName, authority, serverName"
        ),
        Mistake(
            """
            listeners:
              - url: https://127.0.0.1:1
                tenant: {from: serverName}
                tls: {certificate: c, key: k, clientCA: a}
            """,
            "3:13: tenant lets a server name authorise, which any client can choose: add \"and\" or "
                + "another of uriSAN, dnsSAN, commonName, authority"
        ),
        Mistake(
            "listeners: [{url: \"https://127.0.0.1:1\", tenant: a, tls: {certificate: c}}]",
            "1:58: \"key\" is missing"
        ),
        Mistake(
            """
            listeners:
              - url: https://127.0.0.1:1
                tls: {certificate: c, key: k, crl: r}
                tenant: a
            """,
            "3:10: \"crl\" needs \"clientCA\""
        ),
        Mistake(
            """
            listeners:
              - url: https://127.0.0.1:1
                tls: {certificate: c, key: k, clientCA: [a, a]}
                tenant: a
            """,
            "3:49: etc/a is named twice"
        ),
        // Overlaps.
        Mistake(
            more: "metrics: [{url: \"http://localhost:2401\"}]",
            "3:17: http://localhost:2401 is the address of http://127.0.0.1:2401 at "
                + "etc/byre.yaml:2:19 too"
        ),
        Mistake(
            more: "metrics: [{url: \"http://0.0.0.0:2401\"}]",
            "3:17: http://0.0.0.0:2401 is the address of http://127.0.0.1:2401 at "
                + "etc/byre.yaml:2:19 too"
        ),
        // Administrators.
        Mistake(
            more: "admin: {url: \"http://127.0.0.1:1\"}",
            "3:14: the admin API is served on unix, unixs or https, not to everybody who can connect"
        ),
        Mistake(
            more: "admin: {url: \"https://127.0.0.1:1\", tls: {certificate: c, key: k}}",
            "3:42: \"clientCA\" is missing: administrators show a certificate"
        ),
        Mistake(
            more:
                "admin: {url: \"https://127.0.0.1:1\", tls: {certificate: c, key: k, clientCA: a}}",
            "3:14: over TLS the admin API is for administrators: \"administrators\" is missing"
        ),
        Mistake(
            more: "administrators:\n  - {name: a, commonName: x}\n  - {name: b, commonName: x}",
            "5:27: this is the identity of the administrator \"a\" already"
        ),
        Mistake(
            more: "administrators:\n  - {name: a, commonName: x}\n  - {name: a, commonName: y}",
            "5:5: another administrator is called \"a\""
        ),
        Mistake(
            more: "administrators: [{name: a}]",
            "3:18: name what the certificate of \"a\" carries: one of uriSAN, dnsSAN, commonName, "
                + "authority"
        ),
        Mistake(
            more: "administrators: [{name: a, authority: abc}]",
            "3:39: \"abc\" is not 64 hexadecimal digits"
        ),
    ])
    func mistakesAreNamedWithTheirPlace(_ mistake: Mistake) {
        var message = "nothing wrong"
        do {
            _ = try Self.read(mistake.yaml)
        } catch let error as ConfigError {
            message = error.message
        } catch {
            message = "\(error)"
        }
        #expect(message == "etc/byre.yaml:" + mistake.message)
        #expect(!message.contains("\n"))
    }

    @Test func everyKeyIsExplained() throws {
        func check(_ entries: [ConfigHelpEntry], indent: Int) {
            for entry in entries {
                let margin = String(repeating: " ", count: indent)
                #expect(
                    Help.config.contains("\n\(margin)\(entry.name): "),
                    "byre help config does not name \(entry.name)"
                )
                check(entry.nested, indent: indent + 2)
            }
        }
        #expect(ConfigFile.help.count > 10)
        check(ConfigFile.help, indent: 2)
        #expect(try Invocation(arguments: ["byre", "help", "config"], environment: [:]).isShown)
    }

    @Test func theExampleOfTheHelpIsRight() throws {
        let lines = Help.config.split(separator: "\n", omittingEmptySubsequences: false)
        let example = lines.drop { $0 != "  stores:" }.prefix { $0.hasPrefix("  ") }
        let file = try Self.read(example.map { $0.dropFirst(2) }.joined(separator: "\n"))
        #expect(file.listeners.count == 4)
    }

    @Test func noOtherFlagIsGivenBesideIt() throws {
        let refusal = try #require(throws: Invocation.Refusal.self) {
            try Invocation(
                arguments: ["byre", "serve", "--config", "/nowhere.yaml", "--cache-bytes=1"],
                environment: [:]
            )
        }
        #expect(
            refusal.usage.message
                == "--cache-bytes is given beside --config, which decides everything: set it in "
                + "/nowhere.yaml"
        )
    }

    @Test func aMissingFileIsSaid() throws {
        let refusal = try #require(throws: Invocation.Refusal.self) {
            try Invocation(
                arguments: ["byre", "serve", "--config=/nowhere.yaml"],
                environment: [:]
            )
        }
        #expect(
            refusal.message
                == "byre serve: /nowhere.yaml: there is no such file (see byre help config)"
        )
    }
}

extension Invocation {
    fileprivate var isShown: Bool {
        if case .show = self { true } else { false }
    }
}
