package import Controller
import Dispatch
package import Logging
import Synchronization

/// Tenants declared as objects of Kubernetes: follows them, says in their status how it went, keeps
/// those that were deleted until their tenants are seen to, and stands for election.
///
/// What its service account needs, in every namespace that it watches:
///
/// | group | resources | verbs |
/// |---|---|---|
/// | `byre.io` | `tenants` | get, list, watch, patch |
/// | `byre.io` | `tenants/status` | patch |
/// | `byre.io` | `tenants/finalizers` | update |
/// | (core) | `secrets` | get, create, update, delete |
/// | `events.k8s.io` | `events` | create |
/// | (core) | `namespaces` | get: `kube-system`, or the one namespace that it watches |
///
/// and in its own namespace, with `--leader-elect`: `coordination.k8s.io`, `leases`: get, create,
/// update.
package final class KubernetesTenants: TenantSource {
    package struct Settings: Sendable {
        /// The namespace whose objects are looked after; nil for all.
        package var namespace: String?
        /// Where clients connect when an object does not say it.
        package var endpoints: [String] = []
        /// Who this process is in an election; nil to act without one.
        package var identity: String?
        /// Where the Lease is: a namespace.
        package var leaseNamespace = "default"
        package var leaseName = "byre-controller"
        /// What requests are sent as: `byre/1.2`.
        package var agent = "byre-controller"
        /// Whether objects are looked at, and none is changed.
        package var isDryRun = false

        package init() {}
    }

    /// How often a status is written in which nothing but the usage is another.
    static let usageInterval = Duration.seconds(60)
    /// How often a finalizer is set when others change the object at the same time.
    static let finalizerAttemptsMax = 3
    /// The namespace whose uid tells clusters apart.
    static let clusterNamespace = "kube-system"

    package let goneMeansRemoved = false

    let settings: Settings
    private let access: ClusterAccess
    let log: Logger
    private let stopSignal = StopSignal()
    let pool: ConnectionPool
    let objects = TenantObjects()
    private let threads = DispatchGroup()
    let wakeup = Mutex<Wakeup?>(nil)
    /// The uid that tells this cluster, or this namespace of it, from others; nil before it was
    /// looked up.
    private let clusterUID = Mutex<String?>(nil)
    /// Nil without an election.
    private let leadership: Leadership?

    package init(_ access: ClusterAccess, _ settings: Settings, log: Logger) {
        self.access = access
        self.settings = settings
        self.log = log
        self.pool = ConnectionPool(access, agent: settings.agent, stop: self.stopSignal)
        self.leadership = settings.identity.map { identity in
            Leadership { isLeading in
                let said = isLeading ? "leads now" : "does not lead any more"
                log.notice("\(identity) \(said)")
            }
        }
    }

    /// Known once ``declarations()`` has returned.
    package var owner: String {
        "kubernetes:" + (self.clusterUID.withLock { $0 } ?? "")
    }

    /// Looks up which cluster it is, unless that is known.
    func identifyCluster() throws(APIError) {
        guard self.clusterUID.withLock({ $0 }) == nil else { return }
        let name = self.settings.namespace ?? Self.clusterNamespace
        let namespace = try self.pool.withClient { client throws(APIError) in
            try client.get(.namespaces, name, in: nil)
        }
        guard let namespace else { throw .configuration("there is no namespace \(name)") }
        guard let uid = namespace.uid else {
            throw .malformed("the server's answer is no namespace")
        }
        self.clusterUID.withLock { $0 = uid }
    }

    /// Where the credentials of these tenants go.
    package var secrets: SecretSink { SecretSink(self.pool) }

    package var isLeading: Bool { self.leadership?.isLeading ?? true }

    // MARK: Threads

    package func start(_ wakeup: Wakeup) {
        self.wakeup.withLock { $0 = wakeup }
        self.run("byre-follow") { source in
            source.makeFollower().run()
        }
        guard let identity = self.settings.identity, let leadership = self.leadership else {
            return
        }
        self.run("byre-elect") { source in
            source.makeElector(identity, leadership).run()
        }
    }

    package func stop() {
        self.stopSignal.stop()
        self.threads.wait()
    }

    private func run(_ name: String, _ body: @escaping @Sendable (KubernetesTenants) -> Void) {
        DispatchQueue(label: name).async(group: self.threads) { body(self) }
    }

    private func makeFollower() -> Follower {
        Follower(
            .tenants,
            in: self.settings.namespace,
            over: APIConnection(self.access, agent: self.settings.agent, stop: self.stopSignal),
            stop: self.stopSignal,
            onChange: { self.take($0) },
            onFailure: { error in
                self.objects.fail("\(error)")
                self.log.warning("cannot follow Tenants: \(error)")
            }
        )
    }

    private func makeElector(_ identity: String, _ leadership: Leadership) -> Elector {
        let agent = self.settings.agent
        return Elector(
            lease: self.settings.leaseName,
            in: self.settings.leaseNamespace,
            LeaderElection.Settings(identity: identity),
            over: APIConnection(self.access, agent: agent, stop: self.stopSignal),
            lastly: APIConnection(self.access, agent: agent, stop: StopSignal()),
            stop: self.stopSignal,
            leadership: leadership,
            onAcquired: { self.wake(.all) },
            onFailure: { self.log.warning("cannot stand for election: \($0)") }
        )
    }

    private func take(_ change: Reflector.Change) {
        self.wake(self.objects.take(change))
    }

    private func wake(_ effect: TenantObjects.Effect) {
        let wakeup = self.wakeup.withLock { $0 }
        switch effect {
        case .nothing: break
        case .one(let key): wakeup?.wake(key)
        case .all: wakeup?.wake()
        }
    }
}
