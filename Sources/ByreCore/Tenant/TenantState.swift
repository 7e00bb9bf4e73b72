/// All that a tenant's history adds up to at one revision: the keys, the leases, the counters.
///
/// A value: copying it costs a few reference counts, and a copy never changes. The committer copies
/// the committed state, applies a batch to the copy, and either publishes the copy or drops it;
/// readers answer from whichever state was published when they came.
package struct TenantState: Sendable {
    package let id: TenantID
    package let clusterID: UInt64
    package let memberID: UInt64
    /// Where the rows of the tenant are.
    package internal(set) var rows: RowSpan

    /// Revision of the newest change; 1 in an empty store.
    package internal(set) var revision: Int64
    /// The newest revision compacted away, or -1. Reads below it are refused.
    package internal(set) var compactRevision: Int64
    /// Counts every change, those that make no revision too.
    package internal(set) var sequence: Int64
    /// The greatest row number used, with ``RowNumbering/tenant``; else 0.
    package internal(set) var lastRow: RowID
    package internal(set) var index: KeyIndex
    package internal(set) var leases: LeaseTable
    package internal(set) var alarms: Set<Alarm> = []
    /// Bytes of keys and values held, history included until compacted, with an allowance for each
    /// version.
    package internal(set) var usedBytes: Int64
    /// The most that `usedBytes` has been since the last Defragment: what etcd's file would have grown
    /// to, and what the quota is checked against.
    package internal(set) var allocatedBytes: Int64

    /// A tenant without keys.
    /// - Parameter nextRow: number of the next row that is written to the store.
    package init(_ record: TenantRecord, nextRow: RowID) {
        self.id = record.id
        self.rows = RowSpan(from: nextRow)
        self.clusterID = record.clusterID
        self.memberID = record.memberID
        self.revision = record.revision
        self.compactRevision = record.compactRevision
        self.sequence = record.sequence
        self.lastRow = record.lastRow
        self.index = KeyIndex()
        self.leases = LeaseTable()
        self.usedBytes = StoredSize.emptyStore
        self.allocatedBytes = max(record.allocatedBytes, StoredSize.emptyStore)
    }

    /// The control state that a commit writes.
    package var record: TenantRecord {
        TenantRecord(
            id: self.id,
            revision: self.revision,
            compactRevision: self.compactRevision,
            sequence: self.sequence,
            allocatedBytes: self.allocatedBytes,
            lastRow: self.lastRow,
            clusterID: self.clusterID,
            memberID: self.memberID
        )
    }

    /// Whether an alarm of this kind is raised, by whichever member.
    package func hasAlarm(_ kind: Alarm.Kind) -> Bool {
        !self.alarms.isEmpty && self.alarms.contains { $0.kind == kind }
    }

    /// The alarm that the tenant raises of itself when its space is used up.
    package var noSpaceAlarm: Alarm { Alarm(.noSpace, memberID: self.memberID) }

    mutating func grow(by bytes: Int64) {
        self.usedBytes += bytes
        self.allocatedBytes = max(self.allocatedBytes, self.usedBytes)
    }
}

/// What a version counts for in `usedBytes`.
///
/// The measure is logical, so that it is the same on every backend and after a restart, and close to
/// what etcd's file would hold: tests that fill a quota of a few pages find the same room here.
package enum StoredSize {
    /// An empty store: five pages of 4 KiB, as a fresh etcd has.
    package static let emptyStore: Int64 = 20_480

    /// A version beside its key and value: etcd keeps a 17-byte revision, a 16-byte page entry and
    /// the message's own fields.
    package static let versionOverhead: Int64 = 64

    package static func version(keyCount: Int, valueSize: UInt32) -> Int64 {
        Int64(keyCount) + Int64(valueSize) + self.versionOverhead
    }
}
