import TLS

/// A command line of `byre ca`, read and checked: a certificate authority of one's own.
package struct AuthorityCommand: Sendable {
    /// A command of `byre ca`.
    package enum Verb: String, CaseIterable, Sendable {
        case `init`
        case server

        var summary: String {
            switch self {
            case .`init`: "Make a certificate authority."
            case .server: "Make a certificate for a server."
            }
        }

        package var parser: FlagParser<AuthorityOptions> {
            switch self {
            case .`init`: FlagParser(table: AuthorityOptions.initTable)
            case .server: FlagParser(table: AuthorityOptions.serverTable)
            }
        }

        package var help: String {
            let details =
                switch self {
                case .`init`:
                    """
                    Makes a certificate authority: ca.crt, which servers and clients trust, and
                    ca.key. Who has ca.key can be anybody; keep it where certificates are made,
                    which need not be where the server runs. Files that are there are never
                    replaced (status 4).
                    """
                case .server:
                    """
                    Makes a key and a certificate for a server, signed by the authority of
                    byre ca init: tls.crt for --cert-file, tls.key for --key-file, and ca.crt for
                    --trusted-ca-file and the clients. Files that are there are replaced.
                    """
                }
            let flags =
                switch self {
                case .`init`: "--out DIR"
                case .server: "--out DIR --host NAME,..."
                }
            return """
                \(details)

                Usage:
                  byre ca \(self.rawValue) \(flags) [FLAGS]

                \(self.parser.helpText())
                """
        }
    }

    private static let authorityDays = 3_650
    private static let serverDays = 365

    package let verb: Verb
    package let options: AuthorityOptions

    /// What the words after `byre ca` ask for.
    package enum Reading: Sendable {
        case show(String)
        case run(AuthorityCommand)
    }

    package static var overview: String {
        """
        Makes certificates with an authority of one's own. Those of tenants' clients are made by
        byre tenant certificate.

        Usage:
          byre ca COMMAND [FLAGS]
          byre ca COMMAND --help

        Commands:
        \(Verb.allCases.map { "  \($0.rawValue.padded(to: 8))\($0.summary)" }.joined(separator: "\n"))

        """
    }

    /// Reads the words after `byre ca`.
    package static func read(
        _ words: [String],
        environment: [String: String]
    ) throws(UsageError) -> Reading {
        let names = Verb.allCases.map(\.rawValue).joined(separator: ", ")
        guard let word = words.first else {
            throw UsageError("name one of the commands \(names)")
        }
        if ["help", "--help", "-help", "-h"].contains(word) {
            guard let topic = words.dropFirst().first else { return .show(self.overview) }
            guard let verb = Verb(rawValue: topic) else {
                throw UsageError("there is no help on \"ca \(topic)\"")
            }
            return .show(verb.help)
        }
        guard let verb = Verb(rawValue: word) else {
            throw UsageError("\"\(word)\" is not one of the commands \(names)")
        }
        let outcome = try verb.parser.parse(Array(words.dropFirst()), environment: environment)
        if outcome.wantsHelp { return .show(verb.help) }
        if outcome.wantsVersion { return .show(ByreVersion.text(claiming: .current)) }
        guard outcome.options.directory != nil else {
            throw UsageError("say where to write with --out DIR")
        }
        if verb == .server, outcome.options.hosts.isEmpty {
            throw UsageError("say how clients reach the server with --host NAME,...")
        }
        return .run(AuthorityCommand(verb: verb, options: outcome.options))
    }

    /// Does what the command line says.
    package func run() throws(CommandFailure) {
        let directory = self.options.directory ?? "."
        switch self.verb {
        case .`init`: try self.create(in: directory)
        case .server:
            try Self.withAuthority(self.options.authorityDirectory) { () throws(TLSError) in
                try self.issue(to: directory)
            }
        }
    }

    private func create(in directory: String) throws(CommandFailure) {
        let creation = try Self.withAuthority(directory) { () throws(TLSError) in
            try Authority.create(
                in: directory,
                commonName: self.options.commonName,
                days: self.options.days == 0 ? Self.authorityDays : self.options.days,
                key: self.options.usesRSA ? .rsa : .ecdsa
            )
        }
        switch creation {
        case .made:
            StandardStream.output.write("\(directory) has ca.crt and ca.key of a new authority\n")
        case .completed:
            StandardStream.output.write(
                "\(directory)/ca.crt is made for the ca.key that was there\n"
            )
        case .present:
            throw CommandFailure(.conflict, "\(directory) has a ca.crt already, which is kept")
        }
    }

    private func issue(to directory: String) throws(TLSError) {
        let hosts = self.options.hosts
        var request = Authority.Request(
            .server,
            commonName: hosts.first ?? "",
            days: self.options.days == 0 ? Self.serverDays : self.options.days
        )
        request.hosts = hosts
        request.key = self.options.usesRSA ? .rsa : .ecdsa
        let issued = try Authority(in: self.options.authorityDirectory).issue(request)
        try issued.write(to: directory)
        StandardStream.output.write(
            "\(directory) has tls.crt, tls.key and ca.crt of a server, valid until "
                + "\(issued.lastDay)\n"
        )
    }

    /// Does something with the authority in a directory, and tells the person what went wrong.
    static func withAuthority<Value>(
        _ directory: String,
        _ body: () throws(TLSError) -> Value
    ) throws(CommandFailure) -> Value {
        do {
            return try body()
        } catch .file(let role, let path, let problem) where path.hasPrefix(directory + "/ca.") {
            throw CommandFailure(
                "\(TLSError.file(role, path: path, problem: problem)); --ca names the directory "
                    + "that byre ca init made"
            )
        } catch .settings(let problem) {
            throw CommandFailure(.usage, problem)
        } catch {
            throw CommandFailure("\(error)")
        }
    }
}

extension String {
    /// The text with spaces after it, `width` characters in all.
    fileprivate func padded(to width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - self.count))
    }
}
