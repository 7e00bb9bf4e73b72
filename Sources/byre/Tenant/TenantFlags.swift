/// The flags of `byre tenant`, in groups that its commands share.
enum TenantFlags {
    typealias Group = FlagTable<TenantOptions>.Group

    static let server = AdminFlags.group(TenantOptions.self)

    static let output = Group(
        "Output",
        [Flag("o", \.output, origin: .commandLine, "A table for people, or JSON for scripts.")]
    )

    static let rates = Group(
        "Rates",
        [
            Flag(
                "interval",
                \.interval,
                origin: .commandLine,
                "How long to watch what the tenant reads and writes a second; 0 not at all."
            )
        ]
    )

    static let progress = Group(
        "Progress",
        [
            Flag(
                "progress",
                \.showsProgress,
                origin: .commandLine,
                "Show progress on standard error even where that is no terminal."
            )
        ]
    )

    static let once = Group(
        "Given once",
        [
            Flag(
                "uid",
                \.uid,
                origin: .commandLine,
                placeholder: "UUID",
                "The tenant's UUID, so that a retry cannot make a second one."
            ),
            Flag(
                "raw-prefix",
                \.prefix,
                origin: .commandLine,
                """
                Where the tenant's keys sit among those of all tenants, for administrators. \
                Without it, /NAME/.
                """
            ),
            Flag(
                "isolation",
                \.isolation,
                origin: .commandLine,
                """
                Where the tenant's data are: shared in the tables of all, dedicated in a schema \
                of PostgreSQL, or a SQLite file, of its own.
                """
            ),
        ]
    )

    static let limits = Group(
        "Limits",
        [
            Flag(
                "quota-bytes",
                \.bytes,
                origin: .commandLine,
                """
                Bytes of keys and values, history included until compacted; none for the server's \
                --quota-backend-bytes.
                """
            ),
            Flag(
                "space-mode",
                \.spaceMode,
                origin: .commandLine,
                """
                At the limit of bytes: strict is etcd's alarm, which stays; headroom refuses \
                creates first, keeps a reserve for updates, and recovers by itself.
                """
            ),
            Flag("quota-keys", \.keys, origin: .commandLine, "Keys that exist."),
            Flag("value-bytes", \.valueBytes, origin: .commandLine, "Bytes of one value."),
            Flag(
                "writes-per-second",
                \.writesPerSecond,
                origin: .commandLine,
                "Writes; more are delayed, then refused."
            ),
            Flag(
                "reads-per-second",
                \.readsPerSecond,
                origin: .commandLine,
                "Reads; more are delayed, then refused."
            ),
            Flag(
                "read-bytes-per-second",
                \.readBytesPerSecond,
                origin: .commandLine,
                "Bytes of answers; more are delayed, then refused."
            ),
            Flag("watches", \.watches, origin: .commandLine, "Watchers, over all streams."),
            Flag("leases", \.leases, origin: .commandLine, "Leases."),
            Flag("connections", \.connections, origin: .commandLine, "Connections."),
            Flag(
                "in-flight",
                \.inFlight,
                origin: .commandLine,
                "Requests that are not yet answered; streams do not count."
            ),
        ]
    )

    static let identities = Group(
        "Identities",
        [
            Flag(
                "identity",
                addingTo: \.identities,
                origin: .commandLine,
                """
                Who the tenant's clients are, beside those with its own certificates: uri-san, \
                dns-san, common-name, authority (SHA-256 of a CA's public key) or server-name, and \
                the value. May be given several times; all that there are to be.
                """
            )
        ]
    )

    static let noIdentities = Group(
        "No identities",
        [
            Flag(
                "no-identities",
                \.noIdentities,
                origin: .commandLine,
                "Take all identities away."
            )
        ]
    )

    static let sqlReaders = Group(
        "Reading with SQL",
        [
            Flag(
                "sql-reader",
                addingTo: \.sqlReaders,
                origin: .commandLine,
                placeholder: "ROLE",
                """
                A role of PostgreSQL that sees the tenant's views and nothing else; made if it is \
                missing and Byre's own role may. May be given several times; all that there are \
                to be.
                """
            )
        ]
    )

    static let noSQLReaders = Group(
        "No readers with SQL",
        [
            Flag(
                "no-sql-readers",
                \.noSQLReaders,
                origin: .commandLine,
                "Let no role read the tenant with SQL."
            )
        ]
    )

    static let compaction = Group(
        "History",
        [
            Flag(
                "auto-compaction-mode",
                \.autoCompactionMode,
                origin: .commandLine,
                "Whether --auto-compaction-retention is a time or a number of revisions."
            ),
            Flag(
                "auto-compaction-retention",
                \.autoCompactionRetention,
                origin: .commandLine,
                placeholder: "DURATION|N|default",
                """
                History kept when the server compacts by itself: a duration such as 30m or a \
                number of hours, or a number of revisions; 0 keeps all, default is the server's \
                own setting.
                """
            ),
        ]
    )

    static let generation = Group(
        "Condition",
        [
            Flag(
                "if-generation",
                \.generation,
                in: 0...Int64.max,
                origin: .commandLine,
                "Change nothing unless the tenant is at this generation; 0 for any."
            )
        ]
    )

    static let deleting = Group(
        "Deleted tenants",
        [
            Flag(
                "deleted",
                \.withDeleting,
                origin: .commandLine,
                "Show tenants that are being deleted too."
            )
        ]
    )

    static let deletion = Group(
        "Deletion",
        [
            Flag(
                "grace",
                \.grace,
                origin: .commandLine,
                "How long the deletion can be taken back with undelete."
            ),
            Flag("now", \.now, origin: .commandLine, "Erase at once: it cannot be taken back."),
            Flag("wait", \.waits, origin: .commandLine, "Wait until nothing of it is left."),
            Flag(
                "ignore-not-found",
                \.ignoresNotFound,
                origin: .commandLine,
                "Succeed when there is no such tenant."
            ),
        ]
    )

    static let certificate = Group(
        "Certificate",
        [
            Flag(
                "out",
                \.outputDirectory,
                origin: .commandLine,
                placeholder: "DIR",
                """
                Directory for ca.crt, tls.crt and tls.key, made if missing; what is there is \
                replaced.
                """
            ),
            Flag(
                "ca",
                \.authorityDirectory,
                origin: .byre,
                placeholder: "DIR",
                "Directory of the authority that byre ca init made."
            ),
            Flag(
                "days",
                \.days,
                in: 1...36_500,
                origin: .commandLine,
                "How long it is valid, but no longer than the authority."
            ),
            Flag("rsa", \.usesRSA, origin: .commandLine, "An RSA key instead of ECDSA P-256."),
        ]
    )

    static let export = Group(
        "Export",
        [
            Flag(
                "revision",
                \.revision,
                in: 0...Int64.max,
                origin: .commandLine,
                "Revision to archive, one that is not compacted; 0 for the newest."
            )
        ]
    )

    static let etcd = Group(
        "From a live etcd",
        [
            Flag(
                "from-etcd",
                \.etcdURL,
                origin: .commandLine,
                "Read an etcd, as https://127.0.0.1:2379, in the place of an archive."
            ),
            Flag(
                "cacert",
                \.etcdCAFile,
                origin: .commandLine,
                placeholder: "FILE",
                "Authorities that vouch for etcd, PEM; else the system's."
            ),
            Flag(
                "cert",
                \.etcdCertificateFile,
                origin: .commandLine,
                placeholder: "FILE",
                "Certificate to show to etcd, PEM."
            ),
            Flag(
                "key",
                \.etcdKeyFile,
                origin: .commandLine,
                placeholder: "FILE",
                "The certificate's private key, PEM."
            ),
            Flag(
                "prefix",
                \.etcdPrefix,
                origin: .commandLine,
                "Take only keys that begin with this; they keep their names."
            ),
        ]
    )
}
