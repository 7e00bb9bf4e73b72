import Synchronization

/// Runs a ``LeaderElection`` on a thread of its own, with a connection of its own.
final class Elector {
    private let name: String
    private let namespace: String
    private let client: ObjectClient
    /// Used once this side is stopping.
    private let lastClient: ObjectClient
    private let stop: StopSignal
    private let leadership: Leadership
    private let onAcquired: () -> Void
    private let onFailure: (APIError) -> Void
    private var election: LeaderElection
    private var dice = SystemRandomNumberGenerator()

    /// - Parameters:
    ///   - name: of the Lease.
    ///   - connection: ended by `stop`.
    ///   - lastConnection: not ended by `stop`: it lets go of the lease.
    ///   - onAcquired: Told when this candidate begins to lead.
    ///   - onFailure: Told of every failure; it is tried again.
    init(
        lease name: String,
        in namespace: String,
        _ settings: LeaderElection.Settings,
        over connection: APIConnection,
        lastly lastConnection: APIConnection,
        stop: StopSignal,
        leadership: Leadership,
        onAcquired: @escaping () -> Void,
        onFailure: @escaping (APIError) -> Void
    ) {
        self.name = name
        self.namespace = namespace
        self.client = ObjectClient(connection)
        self.lastClient = ObjectClient(lastConnection)
        self.stop = stop
        self.leadership = leadership
        self.onAcquired = onAcquired
        self.onFailure = onFailure
        self.election = LeaderElection(settings)
    }

    /// Stands for election until the end; then lets go of the lease.
    func run() {
        repeat {
            do throws(APIError) {
                try self.attempt()
            } catch {
                // Another candidate was quicker, or this side is stopping.
                if !error.isConflict, error != .stopped { self.onFailure(error) }
            }
            let isLeading = self.election.isLeading(at: .now)
            let change = self.leadership.set(isLeading ? self.election.leadsUntil : nil)
            if change == true { self.onAcquired() }
        } while !self.stop.wait(self.election.wait(using: &self.dice))
        _ = self.leadership.set(nil)
        guard let (lease, record) = self.election.release(time: WallTime.now()) else { return }
        // If this fails, the lease just ends in its time.
        _ = try? self.lastClient.replace(
            .leases,
            self.name,
            lease.with(record, keepsAcquired: false),
            in: self.namespace
        )
    }

    private func attempt() throws(APIError) {
        let read = try self.client.get(.leases, self.name, in: self.namespace)
        let began = ContinuousClock.now
        let lease = read.map { ObservedLease($0) }
        let written: JSONValue
        switch self.election.read(lease, at: began, time: WallTime.now()) {
        case .nothing:
            return
        case .create(let record):
            written = try self.client.create(
                .leases,
                record.object(name: self.name, namespace: self.namespace),
                in: self.namespace
            )
        case .replace(let record, let keepsAcquired):
            guard let lease else { return }
            written = try self.client.replace(
                .leases,
                self.name,
                lease.with(record, keepsAcquired: keepsAcquired),
                in: self.namespace
            )
        }
        self.election.wrote(ObservedLease(written), began: began)
    }
}

/// Whether this process leads, for any thread to ask.
package final class Leadership: Sendable {
    private let until: Mutex<ContinuousClock.Instant?>
    private let onChange: @Sendable (Bool) -> Void

    /// - Parameter onChange: Told when it begins to lead, and when it is found not to any more.
    package init(onChange: @escaping @Sendable (Bool) -> Void) {
        self.until = Mutex(nil)
        self.onChange = onChange
    }

    /// Whether it leads now.
    ///
    /// Time alone ends it: a thread that hangs in a request cannot make this true for too long.
    package var isLeading: Bool {
        self.until.withLock { $0.map { ContinuousClock.now < $0 } ?? false }
    }

    /// Takes until when this process leads; nil while it does not.
    /// - Returns: whether it leads now, if it did not before, or the other way round.
    func set(_ moment: ContinuousClock.Instant?) -> Bool? {
        let change: Bool? = self.until.withLock { until in
            let before = until != nil
            until = moment
            guard before != (moment != nil) else { return nil }
            return moment != nil
        }
        if let change { self.onChange(change) }
        return change
    }
}
