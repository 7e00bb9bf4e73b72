/// Names the row in which a backend keeps one version of a key. Rows of a tenant are numbered in
/// commit order; see ``RowNumbering``.
package struct RowID: RawRepresentable, Hashable, Comparable, Sendable {
    package let rawValue: Int64

    package init(rawValue: Int64) {
        self.rawValue = rawValue
    }

    package static func < (a: RowID, b: RowID) -> Bool { a.rawValue < b.rawValue }
}

/// One version of a key: everything but the key and the value.
///
/// The index keeps one of these for every uncompacted version (48 bytes); the value stays with the
/// backend, in `row`.
package struct Version: Hashable, Sendable {
    /// Revision of the change that made this version; etcd's `mod_revision` is `revision.main`.
    package var modRevision: Int64
    /// Place of the change within its transaction, from 0.
    package var sub: UInt32
    /// Length of the value in bytes.
    package var valueSize: UInt32
    /// Revision that began the key's present life; 0 for a tombstone.
    package var createRevision: Int64
    /// Number of puts since the key's creation, from 1; 0 for a tombstone.
    package var version: Int64
    /// The lease the key is attached to, or `LeaseID.none`.
    package var lease: LeaseID
    /// Where the backend keeps this version.
    package var row: RowID

    package init(
        modRevision: Int64,
        sub: UInt32,
        valueSize: UInt32,
        createRevision: Int64,
        version: Int64,
        lease: LeaseID,
        row: RowID
    ) {
        self.modRevision = modRevision
        self.sub = sub
        self.valueSize = valueSize
        self.createRevision = createRevision
        self.version = version
        self.lease = lease
        self.row = row
    }

    /// A version that deletes its key.
    package static func tombstone(at revision: Revision, row: RowID) -> Version {
        Version(
            modRevision: revision.main,
            sub: revision.sub,
            valueSize: 0,
            createRevision: 0,
            version: 0,
            lease: .none,
            row: row
        )
    }

    package var isTombstone: Bool { self.version == 0 }

    /// Whether it begins a life of its key.
    package var isCreation: Bool { self.version == 1 }

    package var revision: Revision { Revision(main: self.modRevision, sub: self.sub) }
}
