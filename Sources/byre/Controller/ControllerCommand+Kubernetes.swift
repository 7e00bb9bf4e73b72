import Controller
import FoundationEssentials
import Glibc
import Kubernetes
import Logging

/// Which objects of which cluster are looked after.
struct ClusterPlace: Sendable {
    /// Nil for the cluster that this process is a pod of.
    let kubeconfig: String?
    let context: String?
    let allowsInsecure: Bool
    /// Nil for all namespaces.
    let namespace: String?
    let electsLeader: Bool
    /// Where the Lease is; nil for the namespace of the pod or of the context.
    let leaseNamespace: String?

    /// Reads what the flags say.
    /// - Returns: nil when they speak of no cluster.
    init?(_ options: ControllerOptions) throws(UsageError) {
        guard options.kubernetes else {
            let given = [
                ("kubeconfig", options.kubeconfig != nil), ("context", options.context != nil),
                ("namespace", options.namespace != nil), ("leader-elect", options.electsLeader),
                ("lease-namespace", options.leaseNamespace != nil),
                ("insecure-skip-tls-verify", options.allowsInsecure),
            ].filter(\.1)
            if let name = given.first?.0 {
                throw UsageError("--\(name) belongs to --kubernetes")
            }
            return nil
        }
        if options.kubeconfig == nil, options.context != nil || options.allowsInsecure {
            throw UsageError("--context and --insecure-skip-tls-verify belong to --kubeconfig")
        }
        if options.credentialsDirectory != nil {
            throw UsageError("--credentials is for files: with --kubernetes they go into Secrets")
        }
        if options.owner != nil {
            throw UsageError("--owner is for files: with --kubernetes it is the cluster")
        }
        if options.electsLeader, options.once || options.dryRun {
            throw UsageError("--leader-elect is for a controller that goes on")
        }
        self.kubeconfig = options.kubeconfig
        self.context = options.context
        self.allowsInsecure = options.allowsInsecure
        self.namespace = options.namespace
        self.electsLeader = options.electsLeader
        self.leaseNamespace = options.leaseNamespace
    }

    /// What follows the objects, and puts credentials beside them.
    func open(
        _ options: ControllerOptions,
        _ log: Logger
    ) throws(CommandFailure) -> KubernetesTenants {
        let access: ClusterAccess
        do throws(APIError) {
            if let kubeconfig {
                access = try Kubeconfig(at: kubeconfig)
                    .access(context: self.context, allowingInsecure: self.allowsInsecure)
            } else {
                access = try .inCluster(environment: ProcessInfo.processInfo.environment)
            }
        } catch {
            throw CommandFailure(.usage, "\(error)")
        }
        if access.trust == .anybody {
            log.warning("anybody could be \(access.server): its certificate is not checked")
        }
        var settings = KubernetesTenants.Settings()
        settings.namespace = self.namespace
        settings.endpoints = options.endpoints
        settings.isDryRun = options.dryRun
        settings.agent = "byre/\(ByreVersion.current)"
        if self.electsLeader {
            settings.identity = Self.identity
            settings.leaseNamespace =
                self.leaseNamespace ?? access.namespace ?? self.namespace
                ?? settings.leaseNamespace
        }
        return KubernetesTenants(access, settings, log: log)
    }

    /// This process, unlike any other: the machine's name, which is the pod's, and chance.
    private static var identity: String {
        let host = ProcessInfo.processInfo.hostName.prefix(200)
        return "\(host)_\(UUID().uuidString.lowercased())"
    }
}
