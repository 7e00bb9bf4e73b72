import ByreCore

extension Registry {
    /// A tenant that is being erased, in slices: its rows, its leases, then itself.
    ///
    /// Nothing of this is needed after a crash: the store says that the erasing has begun, and the
    /// recovery finds what is left.
    struct Erasing {
        let id: TenantID
        let definition: TenantDefinition
        /// What is still to be looked at.
        var rows: RowSpan
        let rowsAtStart: Int64
        var leases: Int
        /// Readers that came before it may still read the rows; none did after a start.
        let epoch: Int64?

        init(
            id: TenantID,
            definition: TenantDefinition,
            rows: RowSpan,
            leases: Int,
            epoch: Int64?
        ) {
            self.id = id
            self.definition = definition
            self.rows = rows
            self.rowsAtStart = rows.count
            self.leases = leases
            self.epoch = epoch
        }

        init(_ recovered: RecoveredTenants.Erasing) {
            self.init(
                id: recovered.id,
                definition: recovered.definition,
                rows: recovered.rows,
                leases: recovered.leaseCount,
                epoch: nil
            )
        }

        /// What comes next, and what is left after it.
        fileprivate func step(rowsMax: Int64) -> (change: RegistryChange, rest: Erasing?) {
            var rest = self
            if let rows = rest.rows.takeFirst(rowsMax) {
                return (.eraseRows(self.id, rows), rest)
            }
            if rest.leases > Int(rowsMax) {
                rest.leases -= Int(rowsMax)
                return (.eraseLeases(self.id, countMax: Int(rowsMax)), rest)
            }
            return (.erase(self.id), nil)
        }
    }

    /// Whether there is something to erase, and it is time.
    func isSliceDue(_ now: Int64) -> Bool { self.next <= now && !self.erasings.isEmpty }

    /// Does one slice of the oldest erasing, if it is time.
    /// - Parameter mayDelete: whether nobody reads any more what was let go of at an epoch.
    mutating func eraseSlice(
        now: Int64,
        mayDelete: (_ epoch: Int64) -> Bool,
        commit: Commit
    ) {
        guard self.next <= now, let erasing = self.erasings.first else { return }
        self.nextErasing = now + self.parts.configuration.compactionSleepNanoseconds
        if let epoch = erasing.epoch, !mayDelete(epoch) { return }
        let (change, rest) = erasing.step(rowsMax: self.parts.configuration.eraseRowsPerSlice)
        do throws(TenantChangeError) {
            try Self.commit(change, commit)
        } catch {
            self.nextErasing = now + self.parts.configuration.eraseRetryNanoseconds
            return
        }
        if let rest {
            self.erasings[0] = rest
        } else {
            self.forget(erasing.id)
        }
        self.publishErasings()
    }

    func publishErasings() {
        self.parts.published.publish(
            self.erasings.map { erasing in
                ErasingProgress(
                    definition: erasing.definition,
                    rowsLeft: erasing.rows.count,
                    rowsAtStart: erasing.rowsAtStart
                )
            }
        )
    }
}
