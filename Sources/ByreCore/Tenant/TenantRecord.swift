/// A tenant's counters: what its own requests add up to, as a commit writes it.
package struct TenantRecord: Hashable, Sendable {
    package var id: TenantID
    /// The commit point: the newest revision that exists.
    package var revision: Int64
    /// The newest revision compacted away, or -1.
    package var compactRevision: Int64
    /// Counts every change, those that make no revision too.
    package var sequence: Int64
    /// What the tenant's database would have grown to in etcd, in bytes: raised by writes, lowered by
    /// Defragment alone.
    package var allocatedBytes: Int64
    /// The greatest row number that the tenant has used, with ``RowNumbering/tenant``; else 0.
    ///
    /// Kept, so that a number is not used again when its row is deleted.
    package var lastRow: RowID
    /// etcd's cluster id of this tenant; never 0.
    package var clusterID: UInt64
    /// etcd's member id of this tenant; never 0.
    package var memberID: UInt64

    package init(
        id: TenantID,
        revision: Int64 = 1,
        compactRevision: Int64 = -1,
        sequence: Int64 = 0,
        allocatedBytes: Int64 = 0,
        lastRow: RowID = RowID(rawValue: 0),
        clusterID: UInt64,
        memberID: UInt64
    ) {
        self.id = id
        self.revision = revision
        self.compactRevision = compactRevision
        self.sequence = sequence
        self.allocatedBytes = allocatedBytes
        self.lastRow = lastRow
        self.clusterID = clusterID
        self.memberID = memberID
    }

    /// The same tenant's before anything was written to it.
    package var atBeginning: TenantRecord {
        TenantRecord(id: self.id, clusterID: self.clusterID, memberID: self.memberID)
    }

    /// A new tenant's: empty, with etcd's ids made from the tenant's own, which is random.
    package init(id: TenantID, uid: String) {
        self.init(
            id: id,
            clusterID: Self.etcdID("cluster " + uid),
            memberID: Self.etcdID("member " + uid)
        )
    }

    /// A number that is not 0, the same for the same text on every machine.
    /// - Source: FNV-1a, 64 bits, <https://www.rfc-editor.org/rfc/rfc9923>; its bits are mixed by
    ///   SplitMix64's last step, so that texts that differ little give numbers that differ much.
    private static func etcdID(_ text: String) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in text.utf8 {
            hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3
        }
        hash = (hash ^ (hash >> 30)) &* 0xBF58_476D_1CE4_E5B9
        hash = (hash ^ (hash >> 27)) &* 0x94D0_49BB_1331_11EB
        return max(hash ^ (hash >> 31), 1)
    }
}
