/// The flags of `byre controller`.
enum ControllerFlags {
    typealias Group = FlagTable<ControllerOptions>.Group

    static let parser = FlagParser(
        table: FlagTable([
            ControllerFlags.declarations, ControllerFlags.cluster, ControllerFlags.credentials,
            ControllerFlags.working, ControllerFlags.telling,
            AdminFlags.group(ControllerOptions.self),
        ])
    )

    private static let declarations = Group(
        "Declarations",
        [
            Flag(
                "file",
                \.file,
                origin: .commandLine,
                placeholder: "FILE",
                "A file with tenants, in YAML."
            ),
            Flag(
                "directory",
                \.directory,
                origin: .commandLine,
                placeholder: "DIR",
                "A directory with such files: all that end in .yaml or .yml."
            ),
            Flag(
                "owner",
                \.owner,
                origin: .commandLine,
                """
                What the controller calls itself in the tenants that it owns. Controllers of the \
                same declarations have the same, those of different ones never. Without it, the \
                file's or directory's absolute path.
                """
            ),
        ]
    )

    private static let cluster = Group(
        "Kubernetes",
        [
            Flag(
                "kubernetes",
                \.kubernetes,
                origin: .commandLine,
                """
                Tenants are declared as objects of kind Tenant (byre.io/v1alpha1), in the cluster \
                that this process is a pod of, or that --kubeconfig names.
                """
            ),
            Flag(
                "kubeconfig",
                \.kubeconfig,
                origin: .commandLine,
                placeholder: "FILE",
                "A kubeconfig with certificates, a token or a token file. exec is not run."
            ),
            Flag(
                "context",
                \.context,
                origin: .commandLine,
                placeholder: "NAME",
                "The kubeconfig's context, if not its current one."
            ),
            Flag(
                "insecure-skip-tls-verify",
                \.allowsInsecure,
                origin: .commandLine,
                "Follow a kubeconfig that says so: then anybody could be the API server."
            ),
            Flag(
                "namespace",
                \.namespace,
                origin: .commandLine,
                placeholder: "NAME",
                "The namespace whose objects are looked after. Without it, all."
            ),
            Flag(
                "leader-elect",
                \.electsLeader,
                origin: .commandLine,
                "Act only while holding the Lease byre-controller, for several at a time."
            ),
            Flag(
                "lease-namespace",
                \.leaseNamespace,
                origin: .commandLine,
                placeholder: "NAME",
                "Where the Lease is. Without it, the pod's namespace, or the context's."
            ),
        ]
    )

    private static let credentials = Group(
        "Credentials",
        [
            Flag(
                "credentials",
                \.credentialsDirectory,
                origin: .commandLine,
                placeholder: "DIR",
                """
                Where each tenant NAME gets NAME/ca.crt, tls.crt, tls.key and endpoint, and \
                sql-role and sql-password of its SQL reader. Without it tenants get none.
                """
            ),
            Flag(
                "ca",
                \.authorityDirectory,
                origin: .byre,
                placeholder: "DIR",
                "Directory of the authority that byre ca init made; read again each time."
            ),
            Flag(
                "endpoint",
                addingTo: \.endpoints,
                origin: .commandLine,
                placeholder: "URL,...",
                "Where clients connect, for tenants whose declaration does not say."
            ),
        ]
    )

    private static let working = Group(
        "Working",
        [
            Flag(
                "once",
                \.once,
                origin: .commandLine,
                """
                Stop when all is as declared, or has failed five times. The exit status is 0 when \
                every tenant is ready.
                """
            ),
            Flag(
                "dry-run",
                \.dryRun,
                origin: .commandLine,
                "Show what would be done, and change nothing."
            ),
            Flag(
                "resync-interval",
                \.resyncInterval,
                origin: .commandLine,
                "How often everything is looked at, even if no declaration has changed."
            ),
            Flag(
                "retry-max",
                \.retryMax,
                origin: .commandLine,
                "The longest pause after failures; pauses begin at 500ms and double."
            ),
            Flag(
                "workers",
                \.workers,
                in: 1...64,
                origin: .commandLine,
                "Tenants that are worked on at the same time."
            ),
        ]
    )

    private static let telling = Group(
        "Telling",
        [
            Flag(
                "o",
                \.output,
                origin: .commandLine,
                "How --once and --dry-run show how it went: for people, or JSON for scripts."
            ),
            Flag(
                "status-file",
                \.statusFile,
                origin: .commandLine,
                placeholder: "FILE",
                "Where the status is written after each time, in JSON."
            ),
            Flag(
                "listen-metrics-url",
                \.listenURL,
                origin: .commandLine,
                "Where /metrics, /healthz and /readyz are served over plain HTTP: http://host:port."
            ),
            Flag(
                "log-format",
                \.logFormat,
                origin: .commandLine,
                "How the log is written, to stderr."
            ),
        ]
    )
}
