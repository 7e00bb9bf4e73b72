/// A key on its way into a tenant that is made from an archive or from another store.
package struct ImportedKey: Sendable {
    package var key: Bytes
    package var value: Bytes
    package var modRevision: Int64
    package var sub: UInt32
    package var createRevision: Int64
    package var version: Int64
    /// May be one that is not there.
    package var lease: LeaseID

    package init(
        key: Bytes,
        value: Bytes,
        modRevision: Int64,
        sub: UInt32,
        createRevision: Int64,
        version: Int64,
        lease: LeaseID
    ) {
        self.key = key
        self.value = value
        self.modRevision = modRevision
        self.sub = sub
        self.createRevision = createRevision
        self.version = version
        self.lease = lease
    }

    /// The version that `row` will hold.
    package func version(in row: RowID) -> Version {
        Version(
            modRevision: self.modRevision,
            sub: self.sub,
            valueSize: UInt32(self.value.count),
            createRevision: self.createRevision,
            version: self.version,
            lease: self.lease,
            row: row
        )
    }
}

// Filling a tenant with what another store held. Its revision, the commit point, rises when all of it
// is there: until then a crash leaves nothing.
extension TenantState {
    /// Whether nothing was ever written to the tenant.
    package var isPristine: Bool {
        self.revision == 1 && self.leases.count == 0 && self.index.keyCount == 0
    }

    /// Adds a key.
    /// - Returns: false when there is one of this name; the state is of no use then.
    package mutating func importKey(_ key: Bytes, _ version: Version) -> Bool {
        self.rows.include(version.row)
        guard self.index.put(key, version) == nil else { return false }
        self.leases.move(key, from: .none, to: version.lease)
        self.grow(by: StoredSize.version(keyCount: key.count, valueSize: version.valueSize))
        return true
    }

    /// Adds a lease; before the keys, which are attached to it.
    /// - Returns: false when there is one of this number.
    package mutating func importLease(_ lease: LeaseRecord) -> Bool {
        guard lease.id != .none, !self.leases.contains(lease.id) else { return false }
        self.leases.grant(lease.id, ttlSeconds: lease.ttlSeconds)
        return true
    }

    /// Counts a commit of an import, with ``RowNumbering/tenant``: others are to know which row numbers
    /// are used, though the rows do not exist yet.
    package mutating func importedRows(through row: RowID) {
        self.lastRow = row
        self.sequence += 1
    }

    /// Puts the tenant at the revision that was imported, with all that is older compacted.
    /// - Parameter present: the tenant so far.
    /// - Precondition: no key is newer.
    package mutating func finishImport(at revision: Int64, after present: TenantState) {
        self.revision = max(self.revision, revision)
        self.lastRow = present.lastRow
        if revision > 1 { self.compactRevision = revision }
        self.sequence = present.sequence + 1
    }

    /// Says that rows may be there which the index does not have: those of an import that failed.
    package mutating func includeRows(_ span: RowSpan) {
        guard !span.isEmpty else { return }
        self.rows.include(span.first)
        self.rows.include(span.last)
    }
}
