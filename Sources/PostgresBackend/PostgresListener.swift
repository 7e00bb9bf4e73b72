import ByreCore
import Postgres

/// Hears of commits by notifications, and looks itself from time to time, and whenever one may have
/// been lost. What this instance commits itself it knows. Belongs to one thread.
final class PostgresListener: ChangeListener {
    private let session: Session
    private let limits: PostgresLimits
    private let sql: StoreStatements
    private let channel: String
    /// Names the server's process that commits for this instance.
    private let ownProcess: () -> Int32
    /// The connection that listens; another one has to be told to.
    private var listening: PostgresConnection?
    /// What has been told.
    private var sequences: [Int64: Int64] = [:]
    /// When it looks itself; nil for at once.
    private var lookAt: ContinuousClock.Instant?

    init(
        _ session: Session,
        _ limits: PostgresLimits,
        _ sql: StoreStatements,
        ownProcess: @escaping () -> Int32
    ) {
        self.ownProcess = ownProcess
        self.session = session
        self.limits = limits
        self.sql = sql
        self.channel = Notification.channel(of: session.address)
    }

    deinit {
        self.session.close()
    }

    func wait(milliseconds: Int) throws(BackendError) -> HeardChanges {
        let deadline = ContinuousClock.now + .milliseconds(milliseconds)
        // One attempt to connect is made at its time, without going round in circles before it.
        pause(milliseconds: min(milliseconds, self.session.waitMilliseconds))
        do throws(PostgresError) {
            return try self.hear(until: deadline)
        } catch {
            self.session.dropIfUseless(after: error)
            throw BackendError(error)
        }
    }

    private func hear(
        until deadline: ContinuousClock.Instant
    ) throws(PostgresError) -> HeardChanges {
        while true {
            let connection = try self.connected()
            if self.lookAt.map({ $0 <= ContinuousClock.now }) ?? true {
                let seen = try self.look(connection)
                if seen != HeardChanges() { return seen }
            }
            let until = min(deadline, self.lookAt ?? deadline)
            let left = ContinuousClock.now.duration(to: until) / Duration.milliseconds(1)
            let payloads = try self.payloads(
                connection,
                milliseconds: max(0, Int(left.rounded(.up)))
            )
            if !payloads.isEmpty {
                let heard = self.take(payloads)
                if heard != HeardChanges() { return heard }
            } else if ContinuousClock.now >= deadline {
                return HeardChanges()
            }
        }
    }

    private func connected() throws(PostgresError) -> PostgresConnection {
        let connection = try self.session.connected()
        if connection !== self.listening {
            self.listening = nil
            if !self.session.address.isPooled {
                try connection.execute("LISTEN \"\(self.channel)\"")
            }
            self.listening = connection
            self.lookAt = nil
        }
        return connection
    }

    private func payloads(
        _ connection: PostgresConnection,
        milliseconds: Int
    ) throws(PostgresError) -> [String] {
        if self.session.address.isPooled {
            pause(milliseconds: milliseconds)
            return []
        }
        return try connection.waitForNotification(
            timeoutMilliseconds: milliseconds,
            ignoring: self.ownProcess
        )
    }

    /// Merges what was said with what is known. An own look finds what is not named.
    private func take(_ payloads: [String]) -> HeardChanges {
        var heard = HeardChanges()
        for payload in payloads {
            let words = Notification(payload: payload)
            if words.isIncomplete { self.lookAt = nil }
            if words.heard.hasRegistry { heard.hasRegistry = true }
            for (tenant, sequence) in words.heard.tenants {
                heard.tenants[tenant] = max(heard.tenants[tenant] ?? sequence, sequence)
                let known = self.sequences[tenant.rawValue] ?? sequence
                self.sequences[tenant.rawValue] = max(known, sequence)
            }
        }
        return heard
    }

    /// Compares all tenants with what has been told.
    private func look(_ connection: PostgresConnection) throws(PostgresError) -> HeardChanges {
        let present = try connection.query(self.sql.allSequences)
        var heard = HeardChanges()
        var sequences: [Int64: Int64] = [:]
        for row in present {
            let (id, sequence) = (row.int64(0), row.int64(1))
            sequences[id] = sequence
            // Less than was told is what a lost commit leaves after a promotion without
            // synchronous replication: it is told too.
            guard self.sequences[id] != sequence else { continue }
            if id == 0 {
                heard.hasRegistry = true
            } else {
                heard.tenants[TenantID(rawValue: id)] = sequence
            }
        }
        self.sequences = sequences
        let milliseconds =
            self.session.address.isPooled
            ? self.limits.pooledPollMilliseconds : self.limits.pollMilliseconds
        self.lookAt = ContinuousClock.now + .milliseconds(milliseconds)
        return heard
    }
}
