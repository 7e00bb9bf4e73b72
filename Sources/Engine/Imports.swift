import ByreCore

/// The imports under way, and what failed ones left. Belongs to the committer's thread.
///
/// The rows of an import lie above the tenant's revision, its commit point, until the end; so what a
/// crash leaves is removed by the recovery, and what a failure leaves is cleared here, in slices.
struct Imports {
    /// One import: the state that the tenant will have.
    final class Session {
        let ticket: TenantImport
        var state: TenantState
        var leases: [LeaseRecord] = []
        var last = Revision(main: 0, sub: 0)
        /// The keys that the newest revision so far wrote.
        var newestKeys: [(key: Bytes, revision: Revision)] = []
        /// Where its rows are.
        var rows: RowSpan
        /// The tenant's sequence after the last commit of the import.
        var sequence: Int64

        init(_ ticket: TenantImport, nextRow: RowID) {
            self.ticket = ticket
            self.state = ticket.tenant.snapshot.state
            self.rows = RowSpan(from: nextRow)
            self.sequence = self.state.sequence
        }
    }

    /// Rows to delete, and imports that wait for it.
    private struct Clearing {
        let tenant: TenantStore
        var rows: RowSpan
        /// Beginnings, and until when they wait.
        var waiting: [(submission: ImportSubmission, deadline: Int64)] = []
        /// Whether this instance wrote them; else it is done for those alone who wait.
        let isOwn: Bool
    }

    private var sessions: [TenantID: Session] = [:]
    private var clearings: [TenantID: Clearing] = [:]
    /// When the clearing goes on.
    private var nextClearing: Int64 = 0
    /// Rows up to which a tenant of a shared store was cleared.
    private var cleared: [TenantID: RowID] = [:]

    /// When there is something to do that nobody asks for; `Int64.max` for never.
    var next: Int64 { self.clearings.isEmpty ? .max : self.nextClearing }

    /// Whether rows of the tenant are there that it does not show.
    func isBusy(_ id: TenantID) -> Bool {
        self.sessions[id] != nil || self.clearings[id] != nil
    }

    /// The session of a step; nil when it has ended.
    func session(of ticket: TenantImport) -> Session? {
        guard let session = self.sessions[ticket.tenant.id], session.ticket === ticket else {
            return nil
        }
        return session
    }

    /// Whether a beginning has to wait, and then waits.
    mutating func postpones(_ submission: ImportSubmission, until deadline: Int64) -> Bool {
        let id = submission.session.tenant.id
        guard self.clearings[id] != nil else { return false }
        self.clearings[id]?.waiting.append((submission, deadline))
        return true
    }

    /// Whether a beginning has to wait until rows are cleared that another instance may have left.
    mutating func clears(
        _ rows: ClosedRange<RowID>,
        of tenant: TenantStore,
        before submission: ImportSubmission,
        until deadline: Int64
    ) -> Bool {
        guard self.cleared[tenant.id] != rows.upperBound, !self.isBusy(tenant.id),
            tenant.lifecycle == .suspended, tenant.snapshot.state.isPristine
        else { return false }
        self.cleared[tenant.id] = rows.upperBound
        var span = RowSpan(from: rows.lowerBound)
        span.include(rows.lowerBound)
        span.include(rows.upperBound)
        self.clearings[tenant.id] = Clearing(
            tenant: tenant,
            rows: span,
            waiting: [(submission, deadline)],
            isOwn: false
        )
        self.nextClearing = 0
        return true
    }

    /// Forgets a beginning that waits, of an import that is given up.
    mutating func dropPostponed(_ ticket: TenantImport) {
        let id = ticket.tenant.id
        guard let waiting = self.clearings[id]?.waiting else { return }
        self.clearings[id]?.waiting = waiting.filter { $0.submission.session !== ticket }
        for (submission, _) in waiting where submission.session === ticket {
            submission.answer(.failure(.ended))
        }
    }

    mutating func begin(_ ticket: TenantImport, nextRow: RowID) throws(ImportError) {
        let tenant = ticket.tenant
        let state = tenant.snapshot.state
        guard !tenant.isErased else { throw .ended }
        guard self.sessions[tenant.id] == nil else { throw .underWay }
        guard tenant.lifecycle == .suspended else { throw .notSuspended }
        guard state.isPristine, !tenant.withHub({ $0.isWatched }) else {
            throw .notEmpty(revision: state.revision)
        }
        self.sessions[tenant.id] = Session(ticket, nextRow: nextRow)
    }

    /// Forgets an import that has ended well.
    mutating func finished(_ session: Session) {
        self.sessions[session.ticket.tenant.id] = nil
    }

    /// Ends a tenant's import; what it wrote is to be cleared.
    mutating func abandon(_ id: TenantID) {
        guard let session = self.sessions.removeValue(forKey: id), !session.rows.isEmpty else {
            return
        }
        let tenant = session.ticket.tenant
        // Whoever erases the tenant meanwhile is to find the rows.
        var state = tenant.snapshot.state
        state.includeRows(session.rows)
        tenant.publish(state)
        self.clearings[id] = Clearing(tenant: tenant, rows: session.rows, isOwn: true)
        self.nextClearing = 0
    }

    /// Forgets a tenant that is erased with all its rows.
    mutating func forget(_ id: TenantID) {
        self.sessions[id] = nil
        self.cleared[id] = nil
        for (submission, _) in self.clearings.removeValue(forKey: id)?.waiting ?? [] {
            submission.answer(.failure(.ended))
        }
    }

    /// Notes that rows could not be cleared, which is tried again at `time`. Those who have waited for
    /// long enough are told.
    mutating func clearingFailed(_ error: BackendError, now: Int64, until time: Int64) {
        self.nextClearing = time
        for (id, clearing) in self.clearings {
            for (submission, deadline) in clearing.waiting where deadline <= now {
                submission.answer(.failure(.backend(error)))
            }
            self.clearings[id]?.waiting.removeAll { $0.deadline <= now }
            guard !clearing.isOwn, self.clearings[id]?.waiting.isEmpty == true else { continue }
            self.clearings[id] = nil
            self.cleared[id] = nil
        }
    }

    /// Whether there is something to clear, and it is time.
    func isSliceDue(_ now: Int64) -> Bool { self.next <= now && !self.clearings.isEmpty }

    /// Clears one slice, if it is time.
    /// - Returns: imports that need wait no longer.
    mutating func clearSlice(
        now: Int64,
        configuration: Configuration,
        commit: (CommitBatch) throws(BackendError) -> Void
    ) -> [ImportSubmission] {
        guard self.next <= now, var clearing = self.clearings.first?.value else { return [] }
        let id = clearing.tenant.id
        if let rows = clearing.rows.takeFirst(configuration.eraseRowsPerSlice) {
            var batch = CommitBatch()
            batch.registry = [.eraseRows(id, rows)]
            do throws(BackendError) {
                try commit(batch)
            } catch {
                self.clearingFailed(
                    error,
                    now: now,
                    until: now + configuration.eraseRetryNanoseconds
                )
                return []
            }
            self.nextClearing = now + configuration.compactionSleepNanoseconds
        }
        guard clearing.rows.isEmpty else {
            self.clearings[id] = clearing
            return []
        }
        self.clearings[id] = nil
        return clearing.waiting.map(\.submission)
    }

    /// Answers those who wait, at the end.
    mutating func stop() {
        for clearing in self.clearings.values {
            for (submission, _) in clearing.waiting { submission.answer(.failure(.stopped)) }
        }
        self.clearings = [:]
        self.sessions = [:]
    }
}
