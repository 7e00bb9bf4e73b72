/// A command of `byre tenant`.
package enum TenantVerb: String, CaseIterable, Sendable {
    case create
    case list
    case show
    case update
    case suspend
    case resume
    case delete
    case undelete
    case certificate
    case usage
    case export
    case `import`

    /// A line of the overview.
    var summary: String {
        switch self {
        case .create: "Create a tenant."
        case .list: "List the tenants."
        case .show: "Show a tenant."
        case .update: "Change a tenant's limits, identities, compaction or readers with SQL."
        case .suspend: "Have a tenant refuse every request, and keep its data."
        case .resume: "End a suspension."
        case .delete: "Delete a tenant; it can be taken back for a while."
        case .undelete: "Take a deletion back."
        case .certificate: "Make a certificate for a tenant's clients."
        case .usage: "Show what a tenant uses of its limits."
        case .export: "Write a tenant as it is at one revision to standard output."
        case .import: "Create a tenant from an archive, or from a live etcd."
        }
    }

    /// Whether a tenant is named.
    enum Name {
        case none, optional, required
    }

    var name: Name {
        switch self {
        case .list: .none
        case .usage: .optional
        default: .required
        }
    }

    /// What follows the command, as help shows it.
    private var synopsis: String {
        let name =
            switch self.name {
            case .none: ""
            case .optional: " [NAME]"
            case .required: " NAME"
            }
        let more =
            switch self {
            case .export: " > FILE"
            case .import: " < FILE"
            case .certificate: " --out DIR"
            default: ""
            }
        return "byre tenant \(self.rawValue)\(name) [FLAGS]\(more)"
    }

    private var details: String {
        switch self {
        case .create:
            """
            Creates a tenant that serves at once. NAME is a DNS label. Asked again with the
            same settings it succeeds; a tenant with other settings is left alone (status 4).
            """
        case .list: "Lists the tenants and what they use, by name."
        case .show: "Shows a tenant and its settings. NAME may be its uid instead."
        case .update:
            """
            Changes the settings that are given, and leaves the others. A server that runs
            follows at once.
            """
        case .suspend: "Has a tenant refuse every request; its data and its watches' history stay."
        case .resume: "Ends a suspension. The tenant's leases have their full time again."
        case .delete:
            """
            Deletes a tenant: at once nobody can use it, and after the grace it is erased.
            Until then undelete takes it back, and its name stays taken.
            """
        case .undelete:
            """
            Takes a deletion back, as long as the erasing has not begun. A tenant that was
            suspended is suspended again.
            """
        case .certificate:
            """
            Makes a key and a certificate that proves its bearer to be NAME's client, signed
            here with the authority of byre ca init. Writes ca.crt, tls.crt and tls.key.
            """
        case .usage:
            """
            Shows what a tenant, or each, uses of its limits. Of a tenant that is named also
            what it reads and writes a second. Connections, requests and rates are those of
            the server that is asked.
            """
        case .export:
            """
            Writes an archive of what a tenant holds at one revision, while it is being used:
            keys with their values, revisions, versions and leases, and the leases there are.
            History is not archived.
            """
        case .import:
            """
            Creates a tenant that equals the archive's: revisions, versions and leases are the
            same, older revisions are compacted. The tenant is suspended until all of it is
            there; what a failure left is cleared, and the command can be given again.

            With --from-etcd a live etcd is read at one revision, without disturbing it.
            Temporary files, of the size of its keys and values, are below $TMPDIR.
            """
        }
    }

    private var groups: [FlagTable<TenantOptions>.Group] {
        typealias Flags = TenantFlags
        let settings = [Flags.limits, Flags.identities, Flags.compaction]
        switch self {
        case .create:
            return [Flags.once] + settings + [Flags.sqlReaders, Flags.output, Flags.server]
        case .list: return [Flags.deleting, Flags.output, Flags.server]
        case .show, .suspend, .resume, .undelete: return [Flags.output, Flags.server]
        case .usage: return [Flags.rates, Flags.output, Flags.server]
        case .update:
            return settings
                + [
                    Flags.noIdentities, Flags.sqlReaders, Flags.noSQLReaders, Flags.generation,
                    Flags.output, Flags.server,
                ]
        case .delete: return [Flags.deletion, Flags.output, Flags.progress, Flags.server]
        case .certificate: return [Flags.certificate, Flags.output, Flags.server]
        case .export: return [Flags.export, Flags.progress, Flags.server]
        case .import:
            return [Flags.etcd, Flags.once] + settings
                + [Flags.output, Flags.progress, Flags.server]
        }
    }

    /// Reads the flags of the command.
    package var parser: FlagParser<TenantOptions> {
        FlagParser(table: FlagTable(self.groups), wordsMax: self.name == .none ? 0 : 1)
    }

    package var help: String {
        """
        \(self.details)

        Usage:
          \(self.synopsis)

        \(ExitStatus.helpText)

        \(self.parser.helpText())
        """
    }

    /// Help on `byre tenant`.
    package static var overview: String {
        let width = self.allCases.map(\.rawValue.count).max() ?? 0
        let list = self.allCases.map { verb in
            "  " + verb.rawValue + String(repeating: " ", count: width - verb.rawValue.count + 2)
                + verb.summary
        }
        return """
            Manages the tenants of a running server, over its admin API.

            Usage:
              byre tenant COMMAND [NAME] [FLAGS]
              byre tenant COMMAND --help

            Commands:
            \(list.joined(separator: "\n"))

            Every command may be given again: what is so already succeeds. The server is found by
            --admin or BYRE_ADMIN, else by --data-dir or BYRE_DATA_DIR, else at
            \(AdminURL.system).

            \(ExitStatus.helpText)

            """
    }
}
