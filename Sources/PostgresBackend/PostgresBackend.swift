package import ByreCore
import Postgres
import Synchronization

/// A store in a schema of PostgreSQL, which any number of instances serve.
///
/// **Threads.** Everything belongs to the writer thread but what makes readers, read indexes,
/// listeners and keepers, each of which has a connection of its own and belongs to one thread.
///
/// **How a batch is committed.** In two round trips: the first begins a transaction, locks the
/// tenants' rows and brings what others committed; the second writes everything and commits. A
/// tenant's row is its lock and its commit point, so whoever holds it knows all that there is. Or in
/// one: a tenant's row is written if its sequence is the one that the batch was decided on, and else
/// nothing is.
///
/// **When the connection is lost during a COMMIT**, what became of it is looked up before anybody is
/// told anything. Each transaction begins by writing a token into its instance's row of
/// `last_commit`. That row stays locked until the transaction has ended, so a write to it waits for
/// that, and finds the token or does not. It leaves a greater one there, which keeps a transaction
/// that had not come to that row from going on. Unlike the state of a transaction's number, this holds after
/// a crash and on a promoted standby, where numbers of lost transactions are given anew.
// Sendable because the writer thread alone touches what is not behind a lock.
package final class PostgresBackend: Backend, @unchecked Sendable {
    package let address: StoreAddress
    let limits: PostgresLimits
    /// Names this process, as its instance's row tells: random, so that nothing of a former one is
    /// taken for its own.
    package let instance: Int64
    let sql: StoreStatements
    let homes: Homes
    let timeline = Timeline()
    /// The writer thread's connection.
    let writer: Session
    /// What is under way on it.
    var transaction: Transaction?
    /// Counts transactions, to tell one from another.
    var lastToken: Int64 = 0
    var times = CommitTimes()
    private let closed = Mutex(false)

    /// Opens the store at `url`, and makes it or brings it up to date if need be.
    /// - Parameter url: see ``StoreAddress``.
    /// - Throws: when the server cannot be reached, or what is there is not a store, or a newer one.
    package convenience init(
        url: String,
        limits: PostgresLimits = PostgresLimits()
    ) throws(StoreError) {
        try self.init(try StoreAddress(url), limits: limits)
    }

    package init(
        _ address: StoreAddress,
        limits: PostgresLimits = PostgresLimits()
    ) throws(StoreError) {
        self.address = address
        self.limits = limits
        self.instance = Int64.random(in: 1...Int64.max)
        self.sql = StoreStatements(schema: address.schema)
        self.homes = Homes(self.sql)
        try Self.prepare(address, limits)
        let options = PostgresOptions(limits, address)
        self.writer = Session(address, options, limits, self.timeline)
    }

    /// The oldest PostgreSQL that has all that is used here.
    package static let serverVersionMin = 140_000

    /// Makes the store, or brings it up to date.
    private static func prepare(
        _ address: StoreAddress,
        _ limits: PostgresLimits
    ) throws(StoreError) {
        let connection: PostgresConnection
        do throws(PostgresError) {
            connection = try PostgresConnection(address.url, options: .long(limits, address))
        } catch {
            throw StoreError(address, error)
        }
        defer { connection.close() }
        guard connection.serverVersion >= Self.serverVersionMin else {
            throw StoreError.unusable(
                path: String(describing: address),
                why: "it is PostgreSQL \(connection.serverVersion / 10_000), and Byre needs "
                    + "\(Self.serverVersionMin / 10_000) or newer"
            )
        }
        try Schema.migrate(connection, address)
        try Home.adopt(connection, address)
        try Home.prepareAll(connection, address)
    }

    deinit {
        self.close()
    }

    package func makeReader() throws(BackendError) -> any BackendReader {
        try self.checkOpen()
        return PostgresReader(self.makeSession(), self.homes)
    }

    package func close() {
        guard
            self.closed.withLock({ isClosed in
                defer { isClosed = true }
                return !isClosed
            })
        else { return }
        self.transaction = nil
        self.writer.close()
    }

    /// A connection for one thread's use.
    func makeSession() -> Session {
        Session(
            self.address,
            PostgresOptions(self.limits, self.address),
            self.limits,
            self.timeline
        )
    }

    /// - Throws: ``BackendError/unavailable(_:)`` after ``close()``.
    func checkOpen() throws(BackendError) {
        if self.closed.withLock({ $0 }) { throw .unavailable("the store is closed") }
    }
}
