// What other instances committed to a tenant, applied here as it was there.

/// What news changed.
package struct AppliedNews: Sendable {
    /// Changes of keys, in order: what watchers are told.
    package fileprivate(set) var changes: [Change] = []
    /// Leases that began or ended, each once.
    package fileprivate(set) var leases: [CommitBatch.LeaseChange] = []
}

extension TenantState {
    /// How much of the tenant this is.
    /// - Parameter changeSequence: up to where changes of leases and alarms are known, if that is further
    ///   than the state is.
    package func cursor(changeSequence: Int64? = nil) -> TenantCursor {
        TenantCursor(
            tenant: self.id,
            sequence: self.sequence,
            changeSequence: changeSequence ?? self.sequence,
            revision: self.revision,
            lastRow: self.lastRow
        )
    }

    /// Applies news that follow this state.
    /// - Returns: nil when they do not follow it, since rows between are deleted or were written above the
    ///   revision: the tenant is to be loaded anew; see ``load(_:into:)``. Nothing is changed then.
    /// - Complexity: O(*k* log *n*) for *k* rows, leases and alarms.
    package mutating func apply(_ news: TenantNews) -> AppliedNews? {
        guard self.isFollowed(by: news) else { return nil }
        var applied = AppliedNews()
        applied.changes.reserveCapacity(news.rows.count)
        let leases = FinalLeases(of: news, over: self.leases)
        applied.leases = leases.changes(of: self.leases, in: self.id)
        leases.begin(in: &self.leases)
        for row in news.rows {
            let latest = self.insert(row.key, row.version)
            applied.changes.append(
                Change(
                    key: row.key,
                    version: row.version,
                    value: row.value,
                    previous: self.previous(of: row.key, row.version, latest)
                )
            )
        }
        leases.end(in: &self.leases)
        self.take(news)
        return applied
    }

    /// Applies a slice of all that a tenant holds, to a state that began with nothing; see
    /// ``TenantCursor/nothing(of:)``.
    /// - Parameter log: gets what changed at each revision that is there.
    package mutating func load(_ news: TenantNews, into log: inout RevisionLog) {
        let leases = FinalLeases(of: news, over: self.leases)
        leases.begin(in: &self.leases)
        for row in news.rows {
            _ = self.insert(row.key, row.version)
            log.append(row.key, at: row.version.revision)
        }
        leases.end(in: &self.leases)
        self.take(news)
    }

    /// Whether no row is missing between this state and the end of the news.
    private func isFollowed(by news: TenantNews) -> Bool {
        var row = self.nextRow
        var last = Revision(main: self.revision, sub: .max)
        for new in news.rows {
            let revision = new.version.revision
            guard new.version.row == row else { return false }
            let isNext =
                revision.main == last.main
                ? last.sub != .max && revision.sub == last.sub + 1
                : revision.main == last.main + 1 && revision.sub == 0
            guard isNext else { return false }
            last = revision
            row = row.next
        }
        return news.record.revision == last.main && news.record.nextRow == row
    }

    /// Adds a version.
    /// - Returns: what the key had before.
    private mutating func insert(_ key: Bytes, _ version: Version) -> Version? {
        let latest = self.index.put(key, version)
        self.rows.include(version.row)
        self.leases.move(key, from: latest?.lease ?? .none, to: version.lease)
        self.grow(by: StoredSize.version(keyCount: key.count, valueSize: version.valueSize))
        return latest
    }

    /// The key as it was before the revision of `version`, as an evaluation sees it.
    private func previous(of key: Bytes, _ version: Version, _ latest: Version?) -> Version? {
        guard !version.isCreation, let latest else { return nil }
        guard latest.modRevision == version.modRevision else {
            return latest.isTombstone ? nil : latest
        }
        return self.index.version(of: key, at: version.modRevision - 1)
    }

    /// Takes over alarms and counters.
    private mutating func take(_ news: TenantNews) {
        if news.changesAreWhole { self.alarms = [] }
        for change in news.alarms {
            switch change {
            case .raise(_, let alarm): self.alarms.insert(alarm)
            case .clear(_, let alarm): self.alarms.remove(alarm)
            }
        }
        self.revision = news.record.revision
        self.lastRow = news.record.lastRow
        guard news.isComplete else { return }
        self.compactRevision = news.record.compactRevision
        self.sequence = news.record.sequence
        self.allocatedBytes = max(news.record.allocatedBytes, StoredSize.emptyStore)
    }
}

/// What becomes of leases by some news.
///
/// News of leases may be ahead of those of keys: a lease may begin before keys are attached to it, and end
/// before they are deleted.
private struct FinalLeases {
    /// What each lease that is named ends as; nil when it is gone.
    private var leases: [LeaseID: LeaseRecord?] = [:]

    init(of news: TenantNews, over present: LeaseTable) {
        for change in news.leases {
            switch change {
            case .grant(_, let lease): self.leases[lease.id] = .some(lease)
            case .revoke(_, let id): self.leases[id] = .some(nil)
            }
        }
        guard news.changesAreWhole else { return }
        for lease in present.records where self.leases[lease.id] == nil {
            self.leases[lease.id] = .some(nil)
        }
    }

    /// Grants what is there at the end, before keys are attached.
    func begin(in table: inout LeaseTable) {
        for case (_, let lease?) in self.leases {
            table.set(lease.id, ttlSeconds: lease.ttlSeconds)
        }
    }

    /// Removes what is gone.
    func end(in table: inout LeaseTable) {
        for case (let id, nil) in self.leases { table.remove(id) }
    }

    /// What this changes.
    func changes(of table: LeaseTable, in tenant: TenantID) -> [CommitBatch.LeaseChange] {
        self.leases.sorted { $0.key < $1.key }.compactMap { id, lease in
            if let lease { return .grant(tenant, lease) }
            return table.contains(id) ? .revoke(tenant, id) : nil
        }
    }
}
