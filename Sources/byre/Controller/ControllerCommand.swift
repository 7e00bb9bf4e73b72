import Controller

/// A command line of `byre controller`, read and checked.
package struct ControllerCommand: Sendable {
    package let options: ControllerOptions
    let place: Place

    /// Where declarations come from, and thereby where credentials go.
    enum Place: Sendable {
        case files(FileSource.Place)
        /// Objects of Kubernetes, and Secrets beside them.
        case cluster(ClusterPlace)
    }

    private static let resyncMin = Duration.seconds(1)

    /// What the words after `byre controller` ask for.
    package enum Reading: Sendable {
        case show(String)
        case run(ControllerCommand)
    }

    /// Reads the words after `byre controller`.
    package static func read(
        _ words: [String],
        environment: [String: String]
    ) throws(UsageError) -> Reading {
        let outcome = try ControllerFlags.parser.parse(words, environment: environment)
        if outcome.wantsHelp { return .show(self.help) }
        if outcome.wantsVersion { return .show(ByreVersion.text(claiming: .current)) }
        return .run(try ControllerCommand(outcome.options))
    }

    private init(_ options: ControllerOptions) throws(UsageError) {
        self.options = options
        self.place = try Self.place(options)
        if options.resyncInterval < Self.resyncMin {
            throw UsageError("--resync-interval is at least \(Self.resyncMin.flagText)")
        }
        if options.retryMax < Self.resyncMin {
            throw UsageError("--retry-max is at least \(Self.resyncMin.flagText)")
        }
        if options.owner == "" { throw UsageError("--owner is empty") }
        if (options.adminCertificateFile == nil) != (options.adminKeyFile == nil) {
            throw UsageError("--admin-cert and --admin-key belong together")
        }
        if let url = options.listenURL {
            guard !url.isTLS, case .host(let host, _) = url.place, isAddress(host) else {
                throw UsageError(
                    "--listen-metrics-url: \"\(url)\" is not http:// with an IP address and a port"
                )
            }
        }
        if options.once || options.dryRun, options.listenURL != nil {
            throw UsageError("--listen-metrics-url is for a controller that goes on")
        }
    }

    private static func place(_ options: ControllerOptions) throws(UsageError) -> Place {
        if let cluster = try ClusterPlace(options) {
            guard options.file == nil, options.directory == nil else {
                throw UsageError("--kubernetes, --file and --directory exclude each other")
            }
            return .cluster(cluster)
        }
        switch (options.file, options.directory) {
        case (let file?, nil) where !file.isEmpty: return .files(.file(file))
        case (nil, let directory?) where !directory.isEmpty:
            return .files(.directory(directory))
        default:
            throw UsageError(
                "say where the tenants are declared: --file FILE, --directory DIR or --kubernetes"
            )
        }
    }

    package static var help: String {
        """
        Makes the tenants of a server what a file declares, and keeps them so: creates them,
        sets their limits, identities and compaction, issues and renews certificates for
        their clients, and gives SQL readers a role and a password.

        Usage:
          byre controller --file tenants.yaml [FLAGS]
          byre controller --directory DIR [FLAGS]
          byre controller --kubernetes [FLAGS]

          defaults: {deletionPolicy: Delete, endpoint: "https://byre.example:2379"}
          tenants:
            - name: acme
              limits: {bytes: 2Gi, writesPerSecond: 500}
              certificate: {lifetime: 720h}
            - {name: globex, isolation: dedicated, sqlReader: {role: globex_reader}}

        It works until SIGTERM or SIGINT; SIGHUP has it look at once, as do changes of the
        files. A file with a mistake changes nothing at all. It never touches a tenant that
        it has not made, unless the tenant says adopt: true. Killed at any point it goes on
        where it was, and several may run at the same time.

        The exit status of --once is 0 when every tenant is ready, 1 when one is not, 2 when
        a file or flag is wrong, 5 when the server cannot be reached, 6 when it does not take
        you for an administrator.

        \(ControllerFlags.parser.helpText())
        Keys of the file:
        \(Help.configLines(TenantFile.help).joined(separator: "\n"))

        """
    }
}
