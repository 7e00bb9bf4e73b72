import Postgres
import Synchronization

/// The newest timeline of PostgreSQL's that this process has seen.
///
/// A standby that is promoted begins a timeline with a greater number. So a server whose number is smaller
/// was a primary that another has replaced: it may still accept writes, which nobody would ever see again,
/// and what it answers is old. Its connections are let go of, and no new ones are made to it.
///
/// PostgreSQL: <https://www.postgresql.org/docs/15/continuous-archiving.html#BACKUP-TIMELINES>
final class Timeline: Sendable {
    private let newest = Atomic<Int64>(0)

    /// Whether a server with this timeline may be talked to; notes it. Nil for one that does not tell.
    func accepts(_ timeline: Int64?) -> Bool {
        guard let timeline else { return true }
        return self.newest.max(timeline, ordering: .relaxed).newValue == timeline
    }

    /// The timeline that a server writes to; nil where it does not tell, as a standby and what is not
    /// quite PostgreSQL.
    static func current(of connection: PostgresConnection) throws(PostgresError) -> Int64? {
        do throws(PostgresError) {
            let name = try connection.query("SELECT pg_walfile_name(pg_current_wal_lsn())")
            // The first 8 of its 24 hexadecimal digits.
            return name.first.flatMap { Int64($0.text(0).prefix(8), radix: 16) }
        } catch {
            guard connection.isAlive else { throw error }
            return nil
        }
    }
}
