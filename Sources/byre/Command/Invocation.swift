/// What the program is asked to do: its whole command line and environment, read and checked.
package enum Invocation: Sendable {
    /// Print a text and exit.
    case show(String)
    /// Serve; `notes` go to the log.
    case serve(ServeConfiguration, notes: [String])
    /// Check a store.
    case verify(StoreURL)
    /// Manage tenants of a running server.
    case tenant(TenantCommand)
    /// Make tenants what is declared.
    case controller(ControllerCommand)
    /// Make certificates.
    case authority(AuthorityCommand)

    /// A command line that cannot be followed, and whose it is.
    package struct Refusal: Error, Equatable {
        /// `byre`, `byre serve` or `etcd`, as the person typed it.
        package let program: String
        package let usage: UsageError

        /// The line to show.
        package var message: String {
            let help = self.usage.helpCommand ?? "\(self.program) --help"
            return "\(self.program): \(self.usage.message) (see \(help))"
        }
    }

    /// Reads the command line.
    /// - Parameters:
    ///   - arguments: the name the program was started under, then what follows it.
    ///   - environment: all variables by name.
    /// - Throws: ``Refusal``.
    package init(
        arguments: [String],
        environment: [String: String]
    ) throws(Refusal) {
        let program = arguments.first?.split(separator: "/").last ?? "byre"
        let rest = Array(arguments.dropFirst())
        if program == "etcd" {
            self = try Self.naming("etcd") { () throws(UsageError) in
                try Self.serve(.etcd, rest, environment)
            }
            return
        }
        guard let word = rest.first else {
            throw Refusal(
                program: "byre",
                usage: UsageError("name one of the commands \(Help.commandNames)")
            )
        }
        let flags = Array(rest.dropFirst())
        switch word {
        case "serve":
            self = try Self.naming("byre serve") { () throws(UsageError) in
                try Self.serve(.byre, flags, environment)
            }
        case "verify":
            self = try Self.naming("byre verify") { () throws(UsageError) in
                try Self.verify(flags, environment)
            }
        case "tenant":
            self = try Self.naming(Self.program("tenant", flags)) { () throws(UsageError) in
                switch try TenantCommand.read(flags, environment: environment) {
                case .show(let text): .show(text)
                case .run(let command): .tenant(command)
                }
            }
        case "controller":
            self = try Self.naming("byre controller") { () throws(UsageError) in
                switch try ControllerCommand.read(flags, environment: environment) {
                case .show(let text): .show(text)
                case .run(let command): .controller(command)
                }
            }
        case "ca":
            self = try Self.naming(Self.program("ca", flags)) { () throws(UsageError) in
                switch try AuthorityCommand.read(flags, environment: environment) {
                case .show(let text): .show(text)
                case .run(let command): .authority(command)
                }
            }
        case "version", "--version", "-version":
            self = try Self.naming("byre") { () throws(UsageError) in
                if let extra = flags.first { throw UsageError("\"\(extra)\" is one word too many") }
                return .show(ByreVersion.text(claiming: .current))
            }
        case "help", "--help", "-help", "-h":
            self = try Self.naming("byre") { () throws(UsageError) in
                .show(try Help.text(for: flags))
            }
        default:
            throw Refusal(
                program: "byre",
                usage: UsageError("\"\(word)\" is not one of the commands \(Help.commandNames)")
            )
        }
    }

    /// Whose fault a wrong command line of a command with commands is: `byre tenant create`.
    private static func program(_ command: String, _ words: [String]) -> String {
        let known =
            TenantVerb.allCases.map(\.rawValue) + AuthorityCommand.Verb.allCases.map(\.rawValue)
        guard let verb = words.first, known.contains(verb) else { return "byre \(command)" }
        return "byre \(command) \(verb)"
    }

    private static func naming(
        _ program: String,
        _ body: () throws(UsageError) -> Invocation
    ) throws(Refusal) -> Invocation {
        do {
            return try body()
        } catch {
            throw Refusal(program: program, usage: error)
        }
    }

    private static func serve(
        _ personality: Personality,
        _ flags: [String],
        _ environment: [String: String]
    ) throws(UsageError) -> Invocation {
        let outcome = try personality.parser.parse(flags, environment: environment)
        if outcome.wantsHelp { return .show(Help.serve(personality)) }
        if outcome.wantsVersion {
            let version = outcome.options.claimedVersion
            switch personality {
            case .byre: return .show(ByreVersion.text(claiming: version))
            case .etcd: return .show(ByreVersion.etcdText(claiming: version))
            }
        }
        if let path = outcome.options.configFile {
            if let name = outcome.given.subtracting(["config"]).min() {
                throw UsageError(
                    "--\(name) is given beside --config, which decides everything: "
                        + "set it in \(path)"
                )
            }
            let configuration = try Self.configuration(at: path, personality)
            return .serve(configuration, notes: outcome.notes + configuration.notes)
        }
        let configuration = try ServeConfiguration(outcome.options, personality: personality)
        return .serve(configuration, notes: outcome.notes + configuration.notes)
    }

    private static func configuration(
        at path: String,
        _ personality: Personality
    ) throws(UsageError) -> ServeConfiguration {
        do throws(ConfigError) {
            let file = try ConfigFile(path: path)
            return try Self.configuration(file, path, personality)
        } catch {
            throw UsageError(error.message, helpCommand: "byre help config")
        }
    }

    private static func configuration(
        _ file: ConfigFile,
        _ path: String,
        _ personality: Personality
    ) throws(ConfigError) -> ServeConfiguration {
        do {
            return try ServeConfiguration(file, path: path, personality: personality)
        } catch {
            throw ConfigError("\(path): \(error.message)")
        }
    }

    private static func verify(
        _ flags: [String],
        _ environment: [String: String]
    ) throws(UsageError) -> Invocation {
        // The environment is the server's: its notes about variables say nothing here.
        let outcome = try Help.verifyParser.parse(flags, environment: environment)
        if outcome.wantsHelp { return .show(Help.verify) }
        if outcome.wantsVersion { return .show(ByreVersion.text(claiming: .current)) }
        return .verify(try outcome.options.checkedStore())
    }
}
