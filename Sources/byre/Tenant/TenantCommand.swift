import SwiftProtobuf
import ByreAPI

/// A command line of `byre tenant`, read and checked.
package struct TenantCommand: Sendable {
    package let verb: TenantVerb
    /// Of a tenant; empty where none is named.
    package let name: String
    package let options: TenantOptions
    /// Longest time to watch a tenant's rates.
    private static let intervalMax = Duration.seconds(3_600)

    /// Names of the flags that were given.
    package let given: Set<String>

    /// What the words after `byre tenant` ask for.
    package enum Reading: Sendable {
        case show(String)
        case run(TenantCommand)
    }

    /// Reads the words after `byre tenant`.
    package static func read(
        _ words: [String],
        environment: [String: String]
    ) throws(UsageError) -> Reading {
        let names = TenantVerb.allCases.map(\.rawValue).joined(separator: ", ")
        guard let word = words.first else {
            throw UsageError("name one of the commands \(names)")
        }
        if ["help", "--help", "-help", "-h"].contains(word) {
            guard let topic = words.dropFirst().first else { return .show(TenantVerb.overview) }
            guard let verb = TenantVerb(rawValue: topic) else {
                throw UsageError("there is no help on \"tenant \(topic)\"")
            }
            return .show(verb.help)
        }
        guard let verb = TenantVerb(rawValue: word) else {
            throw UsageError("\"\(word)\" is not one of the commands \(names)")
        }
        let outcome = try verb.parser.parse(Array(words.dropFirst()), environment: environment)
        if outcome.wantsHelp { return .show(verb.help) }
        if outcome.wantsVersion { return .show(ByreVersion.text(claiming: .current)) }
        return .run(
            try TenantCommand(verb, outcome.words.first, outcome.options, outcome.given)
        )
    }

    private init(
        _ verb: TenantVerb,
        _ name: String?,
        _ options: TenantOptions,
        _ given: Set<String>
    ) throws(UsageError) {
        if verb.name == .required, name == nil {
            throw UsageError("name a tenant: byre tenant \(verb.rawValue) NAME")
        }
        self.verb = verb
        self.name = name ?? ""
        self.options = options
        self.given = given
        try self.check()
    }

    /// Refuses flags that contradict each other.
    private func check() throws(UsageError) {
        let options = self.options
        if options.now, self.given.contains("grace") {
            throw UsageError("--now and --grace exclude each other")
        }
        if options.grace < .zero { throw UsageError("--grace is negative") }
        guard (.zero...Self.intervalMax).contains(options.interval) else {
            throw UsageError("--interval is from 0 to \(Self.intervalMax.flagText)")
        }
        if options.noIdentities, !options.identities.isEmpty {
            throw UsageError("--identity and --no-identities exclude each other")
        }
        if options.noSQLReaders, !options.sqlReaders.isEmpty {
            throw UsageError("--sql-reader and --no-sql-readers exclude each other")
        }
        if self.given.contains("auto-compaction-mode"), options.autoCompactionRetention == nil {
            throw UsageError("--auto-compaction-mode needs --auto-compaction-retention")
        }
        for (one, other, names) in [
            (options.adminCertificateFile, options.adminKeyFile, "--admin-cert and --admin-key"),
            (options.etcdCertificateFile, options.etcdKeyFile, "--cert and --key"),
        ] where (one == nil) != (other == nil) {
            throw UsageError("\(names) belong together")
        }
        if options.etcdURL == nil {
            for flag in ["cacert", "cert", "key", "prefix"] where self.given.contains(flag) {
                throw UsageError("--\(flag) needs --from-etcd")
            }
        }
        if self.verb == .certificate, options.outputDirectory == nil {
            throw UsageError("say where to write with --out DIR")
        }
        if self.verb == .update, self.settingsPaths.isEmpty, !self.changesSQLReaders {
            throw UsageError("say what to change: see byre tenant update --help")
        }
        _ = try self.autoCompaction()
    }

    /// The tenant, by name or, when the word has the form of one, by uid.
    var reference: ByreTenantReference {
        .with { reference in
            if Self.isUID(self.name) {
                reference.uid = self.name
            } else {
                reference.name = self.name
            }
        }
    }

    private static func isUID(_ text: String) -> Bool {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        return parts.map(\.count) == [8, 4, 4, 4, 12]
            && parts.allSatisfy { $0.allSatisfy { $0.isHexDigit && $0.isASCII } }
    }
}
