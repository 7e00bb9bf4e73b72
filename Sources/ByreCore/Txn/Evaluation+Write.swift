extension Evaluation {
    /// Refuses a put that names a lease or counts on a key that does not exist.
    func check(_ put: PutRequest) throws(RequestError) {
        if put.lease != .none, !self.state.leases.contains(put.lease) { throw .leaseNotFound }
        if put.ignoreValue || put.ignoreLease {
            guard let latest = self.state.index.latest(of: put.key), !latest.isTombstone else {
                throw .keyNotFound
            }
        }
    }

    /// Writes a version of a key.
    /// - Precondition: ``check(_:)`` passed.
    /// - Throws: ``RequestError/backend(_:)`` when the value to keep cannot be loaded; nothing is
    ///   changed then.
    mutating func put(
        _ put: PutRequest,
        batch: Batch,
        loader: some ValueLoader
    ) throws(RequestError) -> PutResult {
        var value = put.value
        if put.ignoreValue, let kept = self.state.index.latest(of: put.key), !kept.isTombstone {
            do {
                value = try BatchValues(batch: batch, loader: loader)
                    .value(of: self.state.id, row: kept.row)
            } catch {
                throw .backend(error)
            }
        }
        let valueSize = UInt32(value.count)
        let latest = self.write(put.key, value: value, batch: batch) { latest, revision, row in
            let previous = latest.flatMap { $0.isTombstone ? nil : $0 }
            return Version(
                modRevision: revision.main,
                sub: revision.sub,
                valueSize: valueSize,
                createRevision: previous?.createRevision ?? revision.main,
                version: (previous?.version ?? 0) + 1,
                lease: put.ignoreLease ? previous?.lease ?? .none : put.lease,
                row: row
            )
        }
        var result = PutResult(headerRevision: self.writeRevision, prevKV: nil)
        if put.prevKV, let latest, !latest.isTombstone {
            result.prevKV = KeyValue(key: put.key, version: latest, value: nil)
        }
        return result
    }

    /// Deletes the keys of a range.
    /// - Complexity: O(*k* log *n*) for *k* keys.
    mutating func deleteRange(
        _ request: DeleteRangeRequest,
        batch: Batch
    ) -> DeleteRangeResult {
        var victims: [KeyValue] = []
        self.state.index.forEach(in: request.range, at: nil) { key, version in
            victims.append(KeyValue(key: key, version: version, value: nil))
            return true
        }
        for victim in victims { self.delete(victim.key, batch: batch) }
        return DeleteRangeResult(
            headerRevision: self.currentRevision,
            deleted: Int64(victims.count),
            prevKVs: request.prevKV ? victims : []
        )
    }

    /// Ends a lease and deletes its keys, in byte order.
    mutating func revoke(_ id: LeaseID, batch: Batch) {
        let keys = self.state.leases.revoke(id)
        for key in keys {
            guard let latest = self.state.index.latest(of: key), !latest.isTombstone else {
                preconditionFailure("a key attached to a lease exists")
            }
            self.delete(key, batch: batch)
        }
        batch.append(.revoke(self.state.id, id))
        // Without keys it makes no revision.
        if keys.isEmpty { self.state.sequence += 1 }
    }

    private mutating func delete(_ key: Bytes, batch: Batch) {
        self.write(key, value: [], batch: batch) { _, revision, row in
            .tombstone(at: revision, row: row)
        }
    }

    /// Writes the version that `make` returns, which is given the latest one before: a key is
    /// looked for once.
    /// - Returns: the latest version before, which may be a tombstone.
    @discardableResult
    private mutating func write(
        _ key: Bytes,
        value: Bytes,
        batch: Batch,
        _ make: (_ latest: Version?, Revision, RowID) -> Version
    ) -> Version? {
        let revision = Revision(
            main: self.writeRevision,
            sub: UInt32(self.changes.count - self.firstChange)
        )
        let row = batch.nextRow(of: self.state)
        let step = self.state.index.put(key) { make($0, revision, row) }
        let version = step.version
        let latest = step.previous
        self.state.rows.include(version.row)
        if batch.numbering == .tenant { self.state.lastRow = version.row }
        self.state.leases.move(key, from: latest?.lease ?? .none, to: version.lease)
        self.state.grow(
            by: StoredSize.version(keyCount: key.count, valueSize: version.valueSize)
        )
        batch.append(key, version, value, of: self.state.id)
        self.changes.append(
            Change(
                key: key,
                version: version,
                value: value,
                previous: version.isCreation ? nil : self.beforeThisRevision(key, latest)
            )
        )
        return latest
    }

    /// The key as it was before the operation under way, which may have changed it already.
    private func beforeThisRevision(_ key: Bytes, _ latest: Version?) -> Version? {
        guard let latest else { return nil }
        guard latest.modRevision == self.writeRevision else {
            return latest.isTombstone ? nil : latest
        }
        return self.state.index.version(of: key, at: self.state.revision)
    }
}
