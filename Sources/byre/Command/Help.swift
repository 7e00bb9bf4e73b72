/// The texts of `--help`.
package enum Help {
    /// The commands, in the order of the overview.
    private static let commands: [(name: String, summary: String)] = [
        ("serve", "Serve the etcd v3 API."),
        ("tenant", "Manage the tenants of a running server."),
        ("controller", "Make tenants what a file declares, and keep them so."),
        ("ca", "Make certificates for servers, and the authority that signs them."),
        ("verify", "Check a store: its invariants, and its index against its rows."),
        ("version", "Show the version."),
    ]

    /// The commands as a phrase: `a, b, c`.
    static var commandNames: String { self.commands.map(\.name).joined(separator: ", ") }

    static let verifyParser = FlagParser(table: VerifyOptions.table)

    /// Help for the command that `words` name, or the overview without any.
    static func text(for words: [String]) throws(UsageError) -> String {
        switch words {
        case []: return self.overview
        case ["serve"]: return self.serve(.byre)
        case ["config"]: return self.config
        case ["tenant"]: return TenantVerb.overview
        case ["controller"]: return ControllerCommand.help
        case ["ca"]: return AuthorityCommand.overview
        case ["verify"]: return self.verify
        case ["version"]: return self.version
        default: break
        }
        if words.count == 2, words[0] == "tenant", let verb = TenantVerb(rawValue: words[1]) {
            return verb.help
        }
        if words.count == 2, words[0] == "ca", let verb = AuthorityCommand.Verb(rawValue: words[1])
        {
            return verb.help
        }
        throw UsageError("there is no help on \"\(words.joined(separator: " "))\"")
    }

    package static var overview: String {
        let width = self.commands.map(\.name.count).max() ?? 0
        let list = self.commands.map { name, summary in
            "  " + name + String(repeating: " ", count: width - name.count + 2) + summary
        }
        return """
            Byre is a server of the etcd v3 API that keeps its data in SQL.

            Usage:
              byre COMMAND [FLAGS]
              byre help COMMAND
              byre help config

            Commands:
            \(list.joined(separator: "\n"))

            Started through a link named etcd, it takes etcd's command line: etcd --help.

            """
    }

    /// Help on the server under either name.
    package static func serve(_ personality: Personality) -> String {
        let flags = personality.parser.helpText()
        switch personality {
        case .byre:
            return """
                Serves the etcd v3 API from a database file.

                Usage:
                  byre serve [FLAGS]
                  byre serve --data-dir /var/lib/byre --listen-client-urls http://127.0.0.1:2379
                  byre serve --config FILE

                A server of many tenants has a configuration file, whose keys "byre help
                config" lists. With it, no other flag and no variable may be given.

                Flags have the names and meanings of etcd's. They may have one dash or two, and
                their value after a space or "="; the value of a BOOL comes after "=". A flag
                wins over its environment variable.

                SIGTERM or SIGINT stops the server within 5 seconds, a second one at once. The
                exit status is 0 after a stop, 1 when the server cannot start, 2 when a flag is
                wrong.

                \(flags)
                """
        case .etcd:
            return """
                Byre in the place of etcd: serves the etcd v3 API from a database file.

                Usage:
                  etcd [FLAGS]

                The flags and ETCD_ variables of etcd 3.5 to 3.7 are accepted; those that have
                no effect say why. Byre's own flags have BYRE_ variables.

                \(flags)
                """
        }
    }

    package static var verify: String {
        """
        Checks a store: the database file itself, what must hold between its tables,
        and, if no server has it open, the index built from it against its rows.
        Changes no row.

        Usage:
          byre verify --data-dir DIR

        Prints a line for each finding. The exit status is 0 when there are none, 1 when
        there are some or the store cannot be read, 2 when a flag is wrong.

        \(self.verifyParser.helpText())
        """
    }

    private static var version: String {
        """
        Shows Byre's version and the version of etcd whose API it serves.

        Usage:
          byre version

        """
    }
}
