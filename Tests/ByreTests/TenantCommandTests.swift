import Testing
import byre

/// Command lines of `byre tenant` and `byre ca`.
@Suite struct TenantCommandTests {
    private static func read(_ line: String) throws -> TenantCommand? {
        let words = line.split(separator: " ").map(String.init)
        guard case .run(let command) = try TenantCommand.read(words, environment: [:]) else {
            return nil
        }
        return command
    }

    @Test(arguments: [
        "create acme --quota-bytes 1Gi", "create --quota-bytes=1Gi acme",
        "create --quota-bytes 1Gi -- acme",
    ])
    func theNameStandsAnywhere(line: String) throws {
        let command = try #require(try Self.read(line))
        #expect(command.verb == .create && command.name == "acme")
        #expect(command.options.bytes == .amount(ByteCount(1 << 30)))
    }

    @Test(arguments: [
        ("create a --sql-reader r --sql-reader s", ["r", "s"], false),
        ("update a --sql-reader r", ["r"], false), ("update a --no-sql-readers", [], true),
    ])
    func readersWithSQLAreThoseThatAreNamed(line: String, roles: [String], none: Bool) throws {
        let command = try #require(try Self.read(line))
        #expect(command.options.sqlReaders == roles && command.options.noSQLReaders == none)
    }

    @Test(arguments: [
        ("create a", "shared"), ("create a --isolation shared", "shared"),
        ("create a --isolation=dedicated", "dedicated"),
        ("import a --isolation dedicated", "dedicated"),
    ])
    func theIsolationIsThatWhichIsAskedFor(line: String, isolation: String) throws {
        #expect(try #require(try Self.read(line)).options.isolation.flagText == isolation)
    }

    @Test func identitiesAddUp() throws {
        let line = "create a --identity dns-san=a.x --identity uri-san=u:1,dns-san=b.x"
        let command = try #require(try Self.read(line))
        #expect(
            command.options.identities.map(\.flagText)
                == ["dns-san=a.x", "uri-san=u:1", "dns-san=b.x"]
        )
    }

    @Test(arguments: [
        ("", "name one of the commands create, list"),
        ("nonsense", "\"nonsense\" is not one of the commands"),
        ("create", "name a tenant: byre tenant create NAME"),
        ("create a b", "\"b\" is not a flag"), ("list a", "\"a\" is not a flag"),
        ("update a", "say what to change"),
        ("update a --no-identities --identity dns-san=x", "--identity and --no-identities"),
        ("update a --no-sql-readers --sql-reader x", "--sql-reader and --no-sql-readers"),
        ("delete a --now --grace 1h", "--now and --grace exclude each other"),
        ("delete a --grace -1h", "--grace is negative"),
        ("certificate a", "say where to write with --out DIR"),
        ("create a --auto-compaction-mode revision", "--auto-compaction-mode needs"),
        ("create a --auto-compaction-retention soon", "--auto-compaction-retention: \"soon\""),
        ("import a --prefix /x", "--prefix needs --from-etcd"),
        ("import a --from-etcd http://h:1 --cert c", "--cert and --key belong together"),
        ("list --admin-cert c", "--admin-cert and --admin-key belong together"),
        ("list -o yaml", "-o: \"yaml\" is not one of table|json"),
        ("create a --isolation own", "--isolation: \"own\" is not one of shared|dedicated"),
        ("update a --isolation dedicated", "unknown flag"),
    ])
    func aWrongCommandLineIsExplained(line: String, beginning: String) {
        let error = #expect(throws: UsageError.self) { try Self.read(line) }
        #expect(error?.message.hasPrefix(beginning) == true)
    }

    @Test func theServersVariablesAreNotATenants() throws {
        let environment = [
            "BYRE_AUTO_COMPACTION_RETENTION": "1h", "BYRE_ADMIN": "unix:/a.sock",
            "BYRE_QUOTA_BYTES": "1",
        ]
        let reading = try TenantCommand.read(["create", "a"], environment: environment)
        guard case .run(let command) = reading else {
            Issue.record("nothing is run")
            return
        }
        #expect(command.given == ["admin"])
        #expect(command.options.bytes == nil)
    }

    @Test(arguments: [
        ("unix:/run/byre/admin.sock", "unix:/run/byre/admin.sock", false),
        ("unix:///run/byre/admin.sock", "unix:/run/byre/admin.sock", false),
        ("https://h.example:2390", "https://h.example:2390", true),
    ])
    func placesOfServers(text: String, shown: String, isTLS: Bool) throws {
        let url = try AdminURL(flagText: text)
        #expect(url.description == shown && url.isTLS == isTLS)
    }

    @Test(arguments: [
        ("0", 0, "0"), ("1023", 1_023, "1023"), ("1Ki", 1 << 10, "1Ki"),
        ("1536", 1_536, "1.50Ki"), ("1Gi", 1 << 30, "1Gi"), ("10G", 10_000_000_000, "9.31Gi"),
        ("300Mi", 300 << 20, "300Mi"), ("20500", 20_500, "20.0Ki"),
    ])
    func amountsOfBytes(text: String, bytes: Int64, shown: String) throws {
        let count = try ByteCount(flagText: text)
        #expect(count.bytes == bytes && count.humanText == shown)
        #expect(try ByteCount(flagText: count.flagText) == count)
    }

    @Test(arguments: ["", "Gi", "-1", "1.5Gi", "1KB", "9999999999Gi", "1 Ki"])
    func whatIsNoAmountOfBytesIsRefused(text: String) {
        #expect(throws: FlagValueError.self) { try ByteCount(flagText: text) }
    }

    @Test(arguments: TenantVerb.allCases)
    func helpNamesEveryFlagAndFitsATerminal(verb: TenantVerb) {
        for flag in verb.parser.table.flags {
            #expect(verb.help.contains("  \(flag.typed)"), "\(flag.typed)")
        }
        for line in verb.help.split(separator: "\n") where !line.hasPrefix("    [") {
            #expect(line.count <= 88, "\(line)")
        }
        #expect(TenantVerb.overview.contains("  \(verb.rawValue) "))
    }

    @Test(arguments: AuthorityCommand.Verb.allCases)
    func helpOnAuthoritiesIsComplete(verb: AuthorityCommand.Verb) {
        for flag in verb.parser.table.flags {
            #expect(verb.help.contains("  \(flag.typed)"), "\(flag.typed)")
        }
        #expect(AuthorityCommand.overview.contains("  \(verb.rawValue) "))
    }
}
