import Testing
import byre

@Suite struct InvocationTests {
    @Test(arguments: [
        (["byre", "--help"], "Byre is a server of the etcd v3 API"),
        (["/bin/byre", "help"], "Byre is a server of the etcd v3 API"),
        (["byre", "serve", "--help"], "Serves the etcd v3 API"),
        (["byre", "help", "serve"], "Serves the etcd v3 API"),
        (["byre", "verify", "-h"], "Checks a store"),
        (["byre", "help", "verify"], "Checks a store"),
        (["byre", "help", "version"], "Shows Byre's version"),
        (["byre", "version"], "byre "),
        (["byre", "--version"], "byre "),
        (["byre", "serve", "--version", "--claim-version=3.6.4"], "byre "),
    ])
    func aTextIsPrinted(arguments: [String], beginning: String) throws {
        guard case .show(let text) = try Invocation(arguments: arguments, environment: [:]) else {
            Issue.record("nothing is printed")
            return
        }
        #expect(text.hasPrefix(beginning))
        #expect(text.hasSuffix("\n"))
    }

    @Test(arguments: [
        (
            ["byre"],
            "byre: name one of the commands serve, tenant, controller, ca, verify, version (see byre --help)"
        ),
        (
            ["byre", "srv"],
            "byre: \"srv\" is not one of the commands serve, tenant, controller, ca, verify, version"
        ),
        (["byre", "serve", "--x"], "byre serve: unknown flag --x (see byre serve --help)"),
        (["byre", "verify"], "byre verify: name a store with --data-dir or --store"),
        (["byre", "version", "now"], "byre: \"now\" is one word too many"),
        (["byre", "help", "me"], "byre: there is no help on \"me\""),
        (["etcd", "--x"], "etcd: unknown flag --x (see etcd --help)"),
    ])
    func aWrongCommandLineSaysWhoseItIs(arguments: [String], beginning: String) {
        let refusal = #expect(throws: Invocation.Refusal.self) {
            try Invocation(arguments: arguments, environment: [:])
        }
        #expect(refusal?.message.hasPrefix(beginning) == true)
        #expect(refusal?.message.contains("\n") == false)
    }

    @Test(arguments: [
        (["--data-dir", "/d"], StoreURL.sqlite(path: "/d/byre.db")),
        (["--store=sqlite:///s/x.db"], .sqlite(path: "/s/x.db")),
        (["--store=sqlite:///s/x.db", "--data-dir=/d"], .sqlite(path: "/s/x.db")),
        (["--store=postgres://u@h/d?schema=s"], .postgres(url: "postgres://u@h/d?schema=s")),
    ])
    func verifyChecksTheStoreNamed(flags: [String], store: StoreURL) throws {
        let invocation = try Invocation(arguments: ["byre", "verify"] + flags, environment: [:])
        guard case .verify(store) = invocation else {
            Issue.record("\(invocation)")
            return
        }
    }

    @Test func helpOfServeNamesEveryFlagThatApplies() {
        let help = Help.serve(.byre)
        for flag in ServeFlags.table.flags {
            let isShown = help.contains("  --\(flag.name)\n") || help.contains("  --\(flag.name) ")
            #expect(isShown == (flag.use == .applies), "--\(flag.name)")
        }
    }

    @Test(arguments: [Help.overview, Help.serve(.byre), Help.serve(.etcd), Help.verify])
    func helpFitsATerminal(text: String) {
        for line in text.split(separator: "\n") where !line.hasPrefix("    [") {
            #expect(line.count <= 83, "\(line)")
        }
    }
}
