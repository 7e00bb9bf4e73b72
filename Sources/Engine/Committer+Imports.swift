import ByreCore

extension Committer {
    /// Does one step of the imports that wait; the next has its turn after the operations that came
    /// meanwhile.
    func importTenants() {
        guard let submission = self.parts.importSteps.takeFirstIfAny() else { return }
        self.importStep(submission)
        self.parts.queue.poke()
    }

    /// Clears a slice of what failed imports left.
    func clearImports() {
        let now = self.parts.clock.now()
        // Begun before the imports change, because what others did to the registry may end some.
        if self.parts.shared != nil {
            guard self.imports.isSliceDue(now) else { return }
            do throws(BackendError) {
                try self.beginRegistry()
            } catch {
                let pause = self.parts.configuration.eraseRetryNanoseconds
                self.imports.clearingFailed(error, now: now, until: now + pause)
                return
            }
        }
        let waiting = self.imports.clearSlice(
            now: now,
            configuration: self.parts.configuration
        ) { batch throws(BackendError) in try self.commitDirectly(batch) }
        self.abandonIfBegun()
        for submission in waiting { self.importStep(submission) }
    }

    /// Why a change of the registry cannot be made, or nil.
    func importRefusal(of change: TenantChange) -> TenantChangeError? {
        guard case .replace(let id, let definition, _) = change, self.imports.isBusy(id) else {
            return nil
        }
        switch definition.lifecycle {
        case .suspended: break
        case .deleting: break
        case .active: return .importing
        }
        return nil
    }

    private func importStep(_ submission: ImportSubmission) {
        if case .begin = submission.step {
            do throws(BackendError) {
                // What others did to the tenant is known when it begins.
                try self.begin(submission.session.tenant)
                self.abandonIfBegun()
            } catch {
                submission.answer(.failure(.backend(error)))
                return
            }
            let wait = self.parts.configuration.importWaitNanoseconds
            let deadline = self.parts.clock.now() + wait
            if self.imports.postpones(submission, until: deadline) { return }
            // An instance that ended may have left rows in a shared store.
            let tenant = submission.session.tenant
            if self.parts.shared != nil, let rows = tenant.snapshot.state.usedRows,
                self.imports.clears(rows, of: tenant, before: submission, until: deadline)
            {
                return
            }
        }
        if case .abandon = submission.step { self.imports.dropPostponed(submission.session) }
        do throws(ImportError) {
            try self.take(submission)
            submission.answer(.success(submission.session.tenant))
        } catch {
            if self.imports.session(of: submission.session) != nil {
                self.imports.abandon(submission.session.tenant.id)
            }
            submission.answer(.failure(error))
        }
    }

    private func take(_ submission: ImportSubmission) throws(ImportError) {
        if case .begin = submission.step {
            try self.imports.begin(submission.session, nextRow: self.nextRow)
            return
        }
        guard let session = self.imports.session(of: submission.session) else { throw .ended }
        switch submission.step {
        case .begin: break
        case .leases(let leases): try self.add(leases, to: session)
        case .keys(let keys): try self.add(keys, to: session)
        case .finish(let revision): try self.finish(session, at: revision)
        case .abandon: self.imports.abandon(submission.session.tenant.id)
        }
    }

    private func add(
        _ leases: [LeaseRecord],
        to session: Imports.Session
    ) throws(ImportError) {
        for lease in leases {
            guard session.state.importLease(lease) else {
                throw .contradiction("lease \(lease.id.rawValue) comes twice")
            }
        }
        session.leases += leases
        if let limit = session.ticket.tenant.definition.limits.leases,
            session.leases.count > limit
        {
            throw .overLimit("leases")
        }
    }

    private func add(
        _ keys: [ImportedKey],
        to session: Imports.Session
    ) throws(ImportError) {
        let tenant = session.ticket.tenant
        var batch = CommitBatch()
        defer { self.abandonIfBegun() }
        var row = try self.beginImport(session)
        let valueBytesMax = tenant.definition.limits.valueBytes ?? .max
        for key in keys {
            guard key.value.count <= valueBytesMax else { throw .overLimit("bytes of a value") }
            let version = key.version(in: row)
            guard version.revision > session.last else {
                throw .contradiction("revision \(version.modRevision) comes out of order")
            }
            guard session.state.importKey(key.key, version) else {
                throw .contradiction("a key comes twice, again at \(version.modRevision)")
            }
            if version.modRevision > session.last.main { session.newestKeys = [] }
            session.newestKeys.append((key.key, version.revision))
            session.last = version.revision
            session.rows.include(row)
            batch.rows.append(
                CommitBatch.Row(tenant: tenant.id, key: key.key, version: version, value: key.value)
            )
            row = RowID(rawValue: row.rawValue + 1)
        }
        guard !batch.rows.isEmpty else { return }
        try self.checkLimits(of: session)
        // The commit point stays where it is.
        var state = tenant.snapshot.state
        let countsRows = self.numbersByTenant(tenant)
        if countsRows, let last = batch.rows.last {
            state.importedRows(through: last.version.row)
        }
        batch.tenants = [state.record]
        try self.commitImport(batch)
        if !countsRows {
            self.advance(to: row)
        } else {
            session.sequence = state.sequence
            tenant.publish(state)
        }
    }

    /// Whether the tenant's rows have numbers of their own.
    private func numbersByTenant(_ tenant: TenantStore) -> Bool {
        self.parts.shared != nil || self.parts.separatesHomes && tenant.hasHome
    }

    /// Begins a commit of an import. On a shared store, nobody else may have written to the tenant.
    /// - Returns: the number of the next row.
    private func beginImport(_ session: Imports.Session) throws(ImportError) -> RowID {
        let tenant = session.ticket.tenant
        guard self.parts.shared != nil else {
            return self.numbersByTenant(tenant) ? tenant.snapshot.state.nextRow : self.nextRow
        }
        do throws(BackendError) {
            try self.begin(tenant)
        } catch {
            throw .backend(error)
        }
        let state = tenant.snapshot.state
        guard state.sequence == session.sequence else { throw .underWay }
        return state.nextRow
    }

    private func checkLimits(of session: Imports.Session) throws(ImportError) {
        let limits = session.ticket.tenant.definition.limits
        let bytes = limits.bytes ?? self.parts.configuration.quota.bytes
        if let bytes, session.state.usedBytes > bytes { throw .overLimit("bytes") }
        if let keys = limits.keys, session.state.index.liveCount > keys { throw .overLimit("keys") }
    }

    private func commitImport(_ batch: CommitBatch) throws(ImportError) {
        do throws(BackendError) {
            try self.commitDirectly(batch)
        } catch {
            throw .backend(error)
        }
    }

    /// Makes the import visible: commit point, leases and stage of life in one commit.
    private func finish(
        _ session: Imports.Session,
        at revision: Int64
    ) throws(ImportError) {
        let tenant = session.ticket.tenant
        guard revision >= session.last.main, revision >= 1 else {
            throw .contradiction("there are keys of revisions after \(revision)")
        }
        defer { self.abandonIfBegun() }
        if self.parts.shared != nil {
            do throws(BackendError) {
                try self.beginRegistry([tenant])
            } catch {
                throw .backend(error)
            }
            guard tenant.snapshot.state.sequence == session.sequence else { throw .underWay }
        }
        guard tenant.lifecycle == .suspended else { throw .notSuspended }
        let present = tenant.snapshot.state
        guard present.isPristine, !tenant.withHub({ $0.isWatched }) else {
            throw .notEmpty(revision: present.revision)
        }
        var state = session.state
        state.finishImport(at: revision, after: present)
        var definition = tenant.definition
        definition.lifecycle = .active
        let result = self.registry.apply(
            .replace(tenant.id, definition, ifGeneration: nil),
            nextRow: self.nextRow
        ) { batch throws(BackendError) in
            var whole = batch
            whole.leases = session.leases.map { .grant(tenant.id, $0) }
            whole.tenants = [state.record]
            try self.commitDirectly(whole)
            // Visible before the tenant is active, so that nobody sees it empty.
            self.publish(state, of: session, at: revision)
        }
        switch result {
        case .success: self.imports.finished(session)
        case .failure(.backend(let error)): throw .backend(error)
        case .failure(let error): throw .change(error)
        }
    }

    private func publish(_ state: TenantState, of session: Imports.Session, at revision: Int64) {
        var log = RevisionLog()
        for (key, changed) in session.newestKeys where changed.main == revision {
            log.append(key, at: changed)
        }
        let now = self.parts.clock.now()
        let tenant = session.ticket.tenant
        tenant.withLive { live in
            live.hub.begin(at: state.revision, log: log)
            for lease in session.leases {
                live.lessor.start(lease.id, ttlSeconds: lease.ttlSeconds, now: now)
            }
            tenant.publish(state)
        }
        self.parts.shared?.barrier.published(tenant)
    }
}
