import ByreCore
import Postgres
import Synchronization

/// A connection that is made anew after it was lost. For one thread, but for ``serverProcess``.
///
/// While the server cannot be reached, calls fail at once between two attempts.
final class Session {
    let address: StoreAddress
    private let options: PostgresOptions
    private let limits: PostgresLimits
    private let timeline: Timeline
    private var connection: PostgresConnection?
    /// The timeline of the connection's server.
    private var present: Int64?
    /// Which host of the address is asked first: another one after one that is not to be talked to.
    private var firstHost = 0
    private var retryAt: ContinuousClock.Instant?
    private var delay: Int
    private var isClosed = false
    private let process = Atomic<Int32>(0)

    /// Names the server's process that serves it now; 0 for none. For any thread.
    var serverProcess: Int32 { self.process.load(ordering: .relaxed) }

    init(
        _ address: StoreAddress,
        _ options: PostgresOptions,
        _ limits: PostgresLimits,
        _ timeline: Timeline
    ) {
        self.address = address
        self.timeline = timeline
        self.options = options
        self.limits = limits
        self.delay = limits.reconnectMilliseconds.lowerBound
    }

    /// Calls `body` with a connection, and once more with a new one if the first was lost without
    /// this having been noticed before.
    ///
    /// `body` has no effect that must not happen twice, or is a transaction that it begins itself.
    func run<R>(
        _ body: (PostgresConnection) throws(PostgresError) -> R
    ) throws(BackendError) -> R {
        let isFresh = self.connection?.isAlive != true
        do throws(PostgresError) {
            return try body(self.connected())
        } catch {
            self.dropIfUseless(after: error)
            guard !isFresh, self.connection == nil, error.kind != .timeout else {
                throw BackendError(error)
            }
        }
        do throws(PostgresError) {
            return try body(self.connected())
        } catch {
            self.dropIfUseless(after: error)
            throw BackendError(error)
        }
    }

    /// The connection, made if there is none.
    func connected() throws(PostgresError) -> PostgresConnection {
        if self.isClosed { throw PostgresError(kind: .connection, message: "the store is closed") }
        if let connection, connection.isAlive, self.timeline.accepts(self.present),
            connection.preparedCount < self.limits.preparedMax
        {
            return connection
        }
        self.drop()
        if let retryAt, ContinuousClock.now < retryAt {
            throw PostgresError(kind: .connection, message: self.lastMessage)
        }
        do throws(PostgresError) {
            let connection = try self.connect()
            self.connection = connection
            self.process.store(connection.serverProcess, ordering: .relaxed)
            self.retryAt = nil
            self.delay = self.limits.reconnectMilliseconds.lowerBound
            return connection
        } catch {
            self.lastMessage = error.message
            self.retryAt = ContinuousClock.now + .milliseconds(self.delay)
            self.delay = min(2 * self.delay, self.limits.reconnectMilliseconds.upperBound)
            throw error
        }
    }

    private func connect() throws(PostgresError) -> PostgresConnection {
        let connection = try PostgresConnection(
            self.address.url(from: self.firstHost),
            options: self.options
        )
        // Behind a pooler a session is nobody's own.
        if !self.address.isPooled { try connection.execute(Self.planning) }
        self.present = try Timeline.current(of: connection)
        guard self.timeline.accepts(self.present) else {
            connection.close()
            self.firstHost += 1
            throw PostgresError(
                kind: .connection,
                message: "the server was a primary that another has replaced"
            )
        }
        return connection
    }

    /// All statements find what they need through a key, whatever is in the tables: they are planned
    /// once, which else takes longer than running them, and lock rows in the order of the arrays that
    /// name them, so that instances never wait for each other in a circle. Values that are stored outside of their rows are
    /// compressed with lz4, where the server has it. A commit that returned is on disk, whatever the
    /// database has for a default.
    private static let planning = """
        SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET jit = off;
        SET enable_hashjoin = off; SET enable_mergejoin = off;
        SELECT set_config(name, 'lz4', false) FROM pg_settings
        WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals);
        SELECT set_config('synchronous_commit', 'on', false)
        WHERE current_setting('synchronous_commit') = 'off'
        """

    private var lastMessage = "not connected"

    /// How long until the next attempt to connect is due; zero when it may be made.
    var waitMilliseconds: Int {
        guard let retryAt else { return 0 }
        let left = ContinuousClock.now.duration(to: retryAt) / Duration.milliseconds(1)
        return max(0, Int(left.rounded(.up)))
    }

    /// Lets go of a connection that is lost, or whose server does not take writes any more.
    func dropIfUseless(after error: PostgresError) {
        if error.kind == .connection || error.kind == .timeout || error.isReadOnly {
            self.drop()
        }
    }

    func drop() {
        self.process.store(0, ordering: .relaxed)
        self.connection?.close()
        self.connection = nil
    }

    func close() {
        self.isClosed = true
        self.drop()
    }
}

extension PostgresOptions {
    /// For connections that serve requests.
    init(_ limits: PostgresLimits, _ address: StoreAddress) {
        self.init()
        self.applicationName = "byre \(address.schema)"
        self.connectTimeoutSeconds = limits.connectSeconds
        self.statementTimeoutMilliseconds = limits.statementMilliseconds
        self.lockTimeoutMilliseconds = limits.lockMilliseconds
        self.idleInTransactionTimeoutMilliseconds = limits.idleInTransactionMilliseconds
        self.answerTimeoutMilliseconds = limits.answerMilliseconds
        self.isPooled = address.isPooled
    }

    /// For what takes long: migrations, recovery, verification.
    static func long(_ limits: PostgresLimits, _ address: StoreAddress) -> PostgresOptions {
        var options = PostgresOptions(limits, address)
        options.statementTimeoutMilliseconds = 0
        options.lockTimeoutMilliseconds = limits.migrationLockMilliseconds
        options.idleInTransactionTimeoutMilliseconds = 0
        options.answerTimeoutMilliseconds = limits.longAnswerMilliseconds
        return options
    }
}

extension BackendError {
    /// A failure that has written nothing.
    init(_ error: PostgresError) {
        // Class 23 is a constraint; XX001 and XX002 are damaged pages.
        let state = error.sqlState ?? ""
        if state.hasPrefix("23") || state == "XX001" || state == "XX002" {
            self = .corrupt("PostgreSQL: \(error)")
        } else {
            self = .unavailable("PostgreSQL: \(error)")
        }
    }
}

extension StoreError {
    init(_ address: StoreAddress, _ error: PostgresError) {
        let path = String(describing: address)
        switch error.sqlState {
        case "XX001", "XX002": self = .corrupt(path: path, what: error.description)
        default: self = .unusable(path: path, why: error.description)
        }
    }
}
