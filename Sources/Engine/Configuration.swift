package import ByreCore

/// Bounds and settings of a store. What happens at each bound is said where it is kept.
package struct Configuration: Sendable {
    /// Space of a tenant that has no limit of its own.
    package var quota: Quota = .default
    /// Bytes of values kept in memory.
    package var cacheBytes = 256 << 20
    /// Threads that read values from the backend.
    package var readerThreads = 2
    /// Most reads waiting for a reader thread; one more is refused with "too many requests".
    package var readQueueMax = 65_536
    /// Most of them that are one tenant's; one more is refused as well.
    package var readQueueTenantMax = 16_384
    /// Most writes waiting for the committer; one more is refused with "too many requests".
    package var writeQueueMax = 65_536
    /// Most of them that are one tenant's; one more is refused as well.
    package var writeQueueTenantMax = 16_384
    /// Bytes of the writes waiting, past which one more is refused.
    package var writeQueueBytesMax = 1 << 30
    /// Bytes of one tenant's writes waiting, past which one more is refused.
    package var writeQueueTenantBytesMax = 256 << 20
    /// Most operations in one commit.
    package var batchOperationsMax = 4_096
    /// Bytes of keys and values in one commit after which no operation is added.
    package var batchBytesMax = 8 << 20
    /// What the operations of one commit may cost, about in bytes, while several tenants write: it
    /// bounds how long one of them waits for the others' operations. Passed when there are more
    /// tenants than it has room for.
    package var sharedBatchCostMax = 128 << 10
    /// What the operations of tenants with many waiting may cost together in one commit while others
    /// have a few: it bounds what a flood of one tenant costs the rest, and the flood is slower for it
    /// (measured: 15,000 puts of 1 KiB a second beside a tenant that writes one by one).
    package var crowdedBatchCostMax = 4 << 10
    /// How long nobody may write before the backend settles what commits left for later.
    package var settleDelayNanoseconds: Int64 = 1_000_000
    /// Pause before it is tried again when it failed.
    package var settleRetryNanoseconds: Int64 = 100_000_000
    /// How long a write may wait before it is begun; then it fails with "request timed out".
    package var requestTimeoutNanoseconds: Int64 = 7_000_000_000
    /// Shortest time to live of a lease, in seconds.
    package var minLeaseTTLSeconds: Int64 = 2
    /// Added once to every lease after a start (etcd: one election timeout).
    package var leaseGraceNanoseconds: Int64 = 1_000_000_000
    /// How often expired leases are looked for.
    package var leaseCheckNanoseconds: Int64 = 500_000_000
    /// Most revisions compacted in one slice.
    package var compactionBatchLimit = 1_000
    /// Pause between two slices of compaction.
    package var compactionSleepNanoseconds: Int64 = 10_000_000
    /// Rows of compacted versions that may wait for readers; compaction pauses at the bound.
    package var deferredRowsMax = 1_000_000
    /// Most tenants of a store, those included that are not erased yet; one more is refused.
    package var tenantsMax = 10_000
    /// Most tenants with a schema or a file of their own, those included that are not erased yet; one
    /// more is refused. Each costs a few open files, or prepared statements in each connection.
    package var dedicatedTenantsMax = 256
    /// Most changes of tenants waiting for the committer; one more is refused.
    package var tenantChangesMax = 1_024
    /// Changes of tenants, a commit each, that are made between two batches of operations.
    package var tenantChangesPerTurn = 4
    /// Rows that one commit looks at to delete those of a tenant that is being erased, and leases
    /// that it deletes. There is a pause after each, as between slices of compaction.
    package var eraseRowsPerSlice: Int64 = 2_000
    /// Most steps of imports waiting for the committer; one more is refused.
    package var importStepsMax = 256
    /// How long an import waits for what another left to be cleared, before it is refused: longer than an
    /// instance that has died is taken to be alive.
    package var importWaitNanoseconds: Int64 = 15_000_000_000
    /// Pause before an erasing begins or goes on after a commit of it failed.
    package var eraseRetryNanoseconds: Int64 = 1_000_000_000
    /// How often an instance of a shared store says that it lives, and asks for leases that are over.
    package var beatNanoseconds: Int64 = 500_000_000
    /// Most renewals of leases waiting on a shared store; one more is refused.
    package var renewalsMax = 65_536
    /// How long rows that compaction made unreachable stay in a shared store, where another instance may
    /// still read them.
    package var sharedRemovalDelayNanoseconds: Int64 = 60_000_000_000
    /// How long an instance of a shared store remembers such rows while another is the housekeeper, to
    /// delete them if it becomes that.
    package var sharedRemovalMemoryNanoseconds: Int64 = 600_000_000_000
    /// Rows of compacted versions that an instance of a shared store remembers; the oldest are forgotten
    /// first, and found again by its next start.
    package var sharedDeferredRowsMax = 8_000_000
    /// Tenants whose news an instance of a shared store asks for at once.
    package var tenantsPerNewsMax = 256
    /// How often the housekeeper of a shared store does the backend's own housekeeping.
    package var sharedMaintenanceNanoseconds: Int64 = 5_000_000_000
    /// Automatic compaction of tenants that have no policy of their own, or nil.
    package var autoCompaction: AutoCompaction?
    /// How often streams that asked for it are told of progress.
    package var watchProgressNanoseconds: Int64 = 600_000_000_000

    package init() {}
}
