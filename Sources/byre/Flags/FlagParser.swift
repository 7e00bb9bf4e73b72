/// A command line that cannot be followed, explained in one line.
package struct UsageError: Error, Equatable {
    package let message: String
    /// The command whose output helps; nil for the program's own `--help`.
    package let helpCommand: String?

    package init(_ message: String, helpCommand: String? = nil) {
        self.message = message
        self.helpCommand = helpCommand
    }
}

/// Reads options from the environment and the command line, which wins.
///
/// The syntax is that of Go's `flag` package: `--name value`, `--name=value`, one dash or two; a
/// boolean takes its value only after `=`; `--` ends the flags.
///
/// Source: <https://pkg.go.dev/flag#hdr-Command_line_flag_syntax>
package struct FlagParser<Options: FlagOptions>: Sendable {
    /// What was read.
    package struct Outcome: Sendable {
        package var options = Options()
        /// Lines for the log: variables that no flag has, flags that override a variable.
        package var notes: [String] = []
        /// Names of the flags that were given, in the environment or on the command line.
        package var given: Set<String> = []
        /// What is no flag, in order.
        package var words: [String] = []
        package var wantsHelp = false
        package var wantsVersion = false
    }

    package let table: FlagTable<Options>
    /// Prefix of the environment variables of etcd's flags, as `ETCD` or `BYRE`.
    package let etcdPrefix: String
    /// Prefix of the environment variables of Byre's own flags.
    package let byrePrefix: String
    /// Whether flags that only etcd has use for are accepted, and older names.
    package let acceptsAllOfEtcd: Bool
    /// Words that are no flags and that the command takes, anywhere among its flags.
    package let wordsMax: Int

    package init(
        table: FlagTable<Options>,
        etcdPrefix: String = "BYRE",
        byrePrefix: String = "BYRE",
        acceptsAllOfEtcd: Bool = false,
        wordsMax: Int = 0
    ) {
        self.table = table
        self.etcdPrefix = etcdPrefix
        self.byrePrefix = byrePrefix
        self.acceptsAllOfEtcd = acceptsAllOfEtcd
        self.wordsMax = wordsMax
    }

    /// Parses `arguments`, which do not hold the program's or the command's name.
    /// - Throws: ``UsageError`` for an unknown flag, a missing or malformed value, or a word that is
    ///   no flag.
    package func parse(
        _ arguments: [String],
        environment: [String: String]
    ) throws(UsageError) -> Outcome {
        var outcome = Outcome()
        try self.readEnvironment(environment, into: &outcome)
        let fromEnvironment = outcome.given
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            if argument == "--" {
                for word in rest { try self.read(word: word, into: &outcome) }
                break
            }
            guard argument.hasPrefix("-"), argument != "-" else {
                try self.read(word: argument, into: &outcome)
                continue
            }
            let body = argument.dropFirst(argument.hasPrefix("--") ? 2 : 1)
            let parts = body.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = String(parts[0])
            let inlineValue = parts.count == 2 ? String(parts[1]) : nil
            if try self.readCommonFlag(name, inlineValue, into: &outcome) { continue }
            let flag = try self.flag(name)
            let text: String
            if let inlineValue {
                text = inlineValue
            } else if flag.isBoolean {
                text = "true"
            } else if let next = rest.popFirst() {
                text = next
            } else {
                throw UsageError("\(flag.typed) needs a value: \(flag.typed) \(flag.placeholder)")
            }
            try self.assign(flag, text, source: flag.typed, into: &outcome)
            if fromEnvironment.contains(name) {
                outcome.notes.append(
                    "--\(name) overrides the environment variable "
                        + self.environmentName(of: flag)
                )
            }
        }
        return outcome
    }

    private func read(word: String, into outcome: inout Outcome) throws(UsageError) {
        guard outcome.words.count < self.wordsMax else {
            throw UsageError("\"\(word)\" is not a flag")
        }
        outcome.words.append(word)
    }

    /// The environment variable of `flag` for this parser.
    package func environmentName(of flag: Flag<Options>) -> String {
        flag.environmentName(prefix: flag.origin == .etcd ? self.etcdPrefix : self.byrePrefix)
    }

    /// Whether help offers the flag and the parser takes it without a word.
    package func isOffered(_ flag: Flag<Options>) -> Bool {
        switch flag.use {
        case .applies: true
        case .ignored, .renamed: self.acceptsAllOfEtcd
        case .refused: false
        }
    }

    /// Assigns every flag that has a variable that is not empty, and notes variables without one.
    private func readEnvironment(
        _ environment: [String: String],
        into outcome: inout Outcome
    ) throws(UsageError) {
        var known: Set<String> = []
        for flag in self.table.flags {
            switch flag.use {
            case .applies, .refused: break
            case .ignored, .renamed: if !self.acceptsAllOfEtcd { continue }
            }
            if flag.origin == .commandLine { continue }
            let variable = self.environmentName(of: flag)
            known.insert(variable)
            guard let text = environment[variable], !text.isEmpty else { continue }
            try self.assign(flag, text, source: variable, into: &outcome)
        }
        let prefixes = Set([self.etcdPrefix, self.byrePrefix]).map { $0 + "_" }
        for variable in environment.keys.sorted()
        where !known.contains(variable) && prefixes.contains(where: variable.hasPrefix) {
            outcome.notes.append("the environment variable \(variable) belongs to no flag")
        }
    }

    /// Reads `--help`, `-h` and `--version`.
    /// - Returns: whether `name` is one of them.
    private func readCommonFlag(
        _ name: String,
        _ inlineValue: String?,
        into outcome: inout Outcome
    ) throws(UsageError) -> Bool {
        guard name == "help" || name == "h" || name == "version" else { return false }
        let isWanted: Bool
        do {
            isWanted = try Bool(flagText: inlineValue ?? "true")
        } catch {
            throw UsageError("--\(name): \"\(inlineValue ?? "")\" \(error.reason)")
        }
        if name == "version" {
            outcome.wantsVersion = isWanted
        } else {
            outcome.wantsHelp = isWanted
        }
        return true
    }

    /// Finds a flag that the parser takes, or says what is wrong with the name.
    private func flag(_ name: String) throws(UsageError) -> Flag<Options> {
        guard let flag = self.table[name] else {
            let nearest = self.table.nearest(to: name, among: self.isOffered)
            let hint = nearest.map { "; did you mean --\($0)?" } ?? ""
            throw UsageError("unknown flag --\(name)\(hint)")
        }
        if self.acceptsAllOfEtcd { return flag }
        switch flag.use {
        case .applies, .refused: return flag
        case .renamed(let current): throw UsageError("--\(name) is now called --\(current)")
        case .ignored(let reason):
            throw UsageError("--\(name) is a flag of etcd without effect here: \(reason)")
        }
    }

    private func assign(
        _ flag: Flag<Options>,
        _ text: String,
        source: String,
        into outcome: inout Outcome
    ) throws(UsageError) {
        do {
            try flag.assign(&outcome.options, text)
        } catch {
            throw UsageError("\(source): \"\(error.shown ?? text)\" \(error.reason)")
        }
        outcome.given.insert(flag.name)
    }
}
