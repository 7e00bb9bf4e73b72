/// The rules that the rows of a store keep, whatever keeps them: checked row by row, each tenant's
/// in the order of its commits.
///
/// Memory O(keys).
package struct RowRules {
    /// What the rows read so far say of a tenant.
    private struct Progress {
        let point: Int64
        let compacted: Int64
        /// Rows of it may be gone.
        let isErasing: Bool
        /// Rows above its commit point are being imported, and are no fault.
        let isImporting: Bool
        var hasRowsAbove = false
        var last = Revision(main: 0, sub: 0)
        var newest: [Bytes: Version] = [:]
    }

    package private(set) var findings: Findings
    private var tenants: [Int64: Progress] = [:]

    /// Adds to `findings`.
    package init(_ findings: Findings) {
        self.findings = findings
    }

    /// Adds a tenant, before any row of it.
    package mutating func tenant(
        _ id: Int64,
        revision: Int64,
        compactRevision: Int64,
        isErasing: Bool,
        isImporting: Bool = false
    ) {
        self.tenants[id] = Progress(
            point: revision,
            compacted: compactRevision,
            isErasing: isErasing,
            isImporting: isImporting
        )
    }

    /// Checks the next row.
    package mutating func row(_ version: Version, key: Bytes, of id: Int64) {
        // Taken out while it changes, so that its dictionary is not copied.
        guard var progress = self.tenants.removeValue(forKey: id) else {
            self.findings.add(tenant: id, row: version.row.rawValue, "the tenant is not there")
            return
        }
        self.check(version, of: key, id, &progress)
        self.tenants[id] = progress
    }

    /// Checks what can be told when all rows have been seen.
    package mutating func finish() {
        for (id, progress) in self.tenants.sorted(by: { $0.key < $1.key })
        where !progress.isErasing {
            // Revision 1 is the empty store's; what is compacted away leaves no trace.
            let end = max(progress.last.main, progress.compacted, 1)
            if end < progress.point {
                self.findings.add(
                    tenant: id,
                    "revisions \(end + 1) to \(progress.point) have no row"
                )
            }
        }
    }

    private mutating func check(
        _ version: Version,
        of key: Bytes,
        _ tenant: Int64,
        _ progress: inout Progress
    ) {
        let row = version.row.rawValue
        if version.modRevision > progress.point {
            // It does not exist; recovery removes it. An import under way has many.
            guard !progress.hasRowsAbove, !progress.isImporting else { return }
            progress.hasRowsAbove = true
            self.findings.add(
                tenant: tenant,
                row: row,
                "revision \(version.modRevision) is above the commit point \(progress.point)"
            )
            return
        }
        guard !progress.isErasing else { return }
        if key.isEmpty { self.findings.add(tenant: tenant, row: row, "the key is empty") }
        self.checkOrder(version, tenant, &progress)
        self.checkHistory(version, since: progress.newest[key], tenant, progress.compacted)
        progress.newest[key] = version
    }

    /// Rule *Gapless*: revisions rise by one and subs count from 0.
    ///
    /// Compaction takes rows away, at or below its revision only.
    private mutating func checkOrder(
        _ version: Version,
        _ tenant: Int64,
        _ progress: inout Progress
    ) {
        let row = version.row.rawValue
        let last = progress.last
        let revision = version.revision
        defer { progress.last = max(last, revision) }
        guard revision > last else {
            self.findings.add(
                tenant: tenant,
                row: row,
                "revision \(revision.main).\(revision.sub) comes after \(last.main).\(last.sub)"
            )
            return
        }
        guard revision.main > progress.compacted else { return }
        let isNext =
            revision.main == last.main
            ? revision.sub == last.sub + 1
            : revision.main == max(last.main, progress.compacted, 1) + 1 && revision.sub == 0
        if !isNext {
            self.findings.add(
                tenant: tenant,
                row: row,
                "revision \(revision.main).\(revision.sub) follows \(last.main).\(last.sub)"
            )
        }
    }

    /// Rule: a key's life begins with version 1 at its create revision, counts its puts, and ends with
    /// a tombstone that stands for nothing else.
    private mutating func checkHistory(
        _ version: Version,
        since previous: Version?,
        _ tenant: Int64,
        _ compacted: Int64
    ) {
        func found(_ message: String) {
            self.findings.add(tenant: tenant, row: version.row.rawValue, message)
        }
        // What came before may have been compacted away, up to the compact revision.
        let isWhole = version.modRevision > compacted
        let wasAlive = previous.map { !$0.isTombstone } ?? false
        if version.isTombstone {
            if version.createRevision != 0 || version.valueSize != 0 || version.lease != .none {
                found("a tombstone has a create revision, a value or a lease")
            }
            if isWhole, !wasAlive { found("a tombstone ends a key that is not there") }
            return
        }
        if version.version < 1 || version.createRevision < 1 {
            found("version \(version.version), created at \(version.createRevision)")
        }
        if version.createRevision > version.modRevision {
            found("created at \(version.createRevision), after \(version.modRevision)")
        }
        guard isWhole else { return }
        if let previous, wasAlive {
            if version.version != previous.version + 1 {
                found("version \(version.version) follows version \(previous.version)")
            }
            if version.createRevision != previous.createRevision {
                found(
                    "created at \(version.createRevision), before that at "
                        + "\(previous.createRevision)"
                )
            }
        } else {
            if version.version != 1 { found("a new key has version \(version.version)") }
            if version.createRevision != version.modRevision {
                found("a new key was created at \(version.createRevision)")
            }
        }
    }
}
