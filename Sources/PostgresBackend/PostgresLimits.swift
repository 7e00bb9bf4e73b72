/// The bounds of a store in PostgreSQL, each with what happens at it.
package struct PostgresLimits: Sendable {
    // MARK: Waiting

    /// How long each host of the URL is waited for; then the next one, then `unavailable`.
    package var connectSeconds = 5
    /// After this long the server ends a statement: `unavailable`, and nothing was written.
    package var statementMilliseconds = 10_000
    /// After this long the server stops waiting for another instance's lock: `unavailable`.
    package var lockMilliseconds = 5_000
    /// After this long in a transaction without a word the server ends the connection: an instance
    /// that stands still lets go of its locks.
    package var idleInTransactionMilliseconds = 5_000
    /// After this long without a byte from the server the connection is given up.
    package var answerMilliseconds = 15_000
    /// After this long without a row a recovery, a migration or a verification fails.
    package var longAnswerMilliseconds = 600_000
    /// Between two attempts to connect, doubling from the first to the last; meanwhile calls fail
    /// at once.
    package var reconnectMilliseconds: ClosedRange<Int> = 50...1_000
    /// How long the outcome of a commit is looked for after the connection was lost during it; then
    /// `uncertain`. More than the server holds the locks of a lost connection.
    package var resolveMilliseconds = 15_000
    /// Most statements that are prepared in a connection, which is then made anew: those of dedicated
    /// tenants that are gone add up. More than ``Configuration/dedicatedTenantsMax`` tenants need.
    package var preparedMax = 10_000
    /// How long another instance's migration is waited for; then the start is refused.
    package var migrationLockMilliseconds = 60_000

    // MARK: Other instances

    /// Most rows of other instances' commits in one answer, and most bytes of their values; the rest
    /// comes when it is asked for. One revision is never split.
    package var newsRowsMax = 1_000
    package var newsBytesMax = 4 << 20
    /// How long grants, revocations and alarms are kept for instances that are behind; one that is
    /// further behind reads the tenant's anew.
    package var changesKeptSeconds = 600
    /// How long a listener waits for a notification before it looks for itself.
    package var pollMilliseconds = 1_000
    /// The same where notifications cannot come, behind a pooler.
    package var pooledPollMilliseconds = 50
    /// Most tenants that a notification names; of more it says only that there are some.
    package var notifiedTenantsMax = 250

    // MARK: Leases, instances, housekeeping

    /// The store's heartbeat is written each second. A longer gap than this is time in which nobody
    /// could write, and is added to every lease; no lease ends before that is done.
    package var heartbeatGapSeconds = 4
    /// How long the housekeeper is the housekeeper without saying so again.
    package var housekeeperSeconds = 3
    /// How long an instance that says nothing counts as alive.
    package var instanceSeconds = 10
    /// How long an import that says nothing keeps others from importing into its tenant, if its
    /// instance lives. One whose instance has gone, or was started anew, keeps nobody.
    package var importSeconds = 300
    /// Most leases whose time is over that the housekeeper is told of at once.
    package var overdueMax = 1_000
    /// How often what nobody needs any more is looked for: changes that all instances know, instances
    /// that are gone, what an import left behind that did not end.
    package var pruneSeconds = 60

    package init() {}
}
