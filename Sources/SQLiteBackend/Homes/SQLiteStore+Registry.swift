package import ByreCore
import SQLite

// Tenants that come, change and go, with their files.
extension SQLiteStore {
    package func chooseHome(for tenant: TenantDefinition) throws(HomeRefusal) -> String {
        let file = "\(tenant.name).db"
        let path = self.path(of: file)
        // A tenant whose name was this one, or whose erasure was cut, has the place still.
        guard !self.files.contains(where: { $0.value == file && !self.abandoned.contains($0.key) })
        else { throw .refused("the file \(path) is still that of another tenant") }
        guard !SQLiteBackend.suffixes.contains(where: { StoreFile.isThere(path + $0) }) else {
            throw .refused(
                "there is a file \(path) already, which is not this tenant's: move it away, or give "
                    + "the tenant another name"
            )
        }
        return file
    }

    /// Commits a batch that changes the registry, and is about one tenant.
    func commitRegistry(_ batch: CommitBatch) throws(BackendError) {
        guard let change = batch.registry.first else { return }
        try self.forgetAbandoned()
        // What a tenant was called before, or who it was, may be in the way; and of two definitions that
        // only their homes have, a start could find the second in the way of the first.
        try self.catchUpMain()
        switch change {
        case .create(let record, let definition) where definition.home != nil:
            try self.create(record, definition, batch)
        case .define(let id, _), .eraseRows(let id, _), .eraseLeases(let id, _):
            guard let home = self.homes.backend(of: id) else {
                try self.main.commit(batch)
                return
            }
            try self.commit(batch, to: home, of: id)
        case .erase(let id):
            if let file = self.files[id] { try self.removeHome(of: id, file) }
            try self.main.commit(batch)
            self.files[id] = nil
        case .beginErasing, .create: try self.main.commit(batch)
        }
    }

    /// The home first: once it has the change, it is made. The main file follows.
    private func commit(
        _ batch: CommitBatch,
        to home: SQLiteBackend,
        of tenant: TenantID
    ) throws(BackendError) {
        var own = batch
        own.registry = batch.registry.map { change in
            if case .define(let id, let definition) = change {
                .define(id, definition.atHome)
            } else {
                change
            }
        }
        try home.commit(own)
        self.wasWritten(tenant)
        for case .define(let id, let definition) in batch.registry { self.ahead[id] = definition }
        do throws(BackendError) {
            try self.catchUpMain()
        } catch {
            // Tried again when nobody writes, and by the next start.
        }
    }

    /// Writes to the main file the definitions that homes have already.
    func catchUpMain() throws(BackendError) {
        for (id, definition) in self.ahead {
            var batch = CommitBatch()
            batch.registry = [.define(id, definition)]
            try self.main.commit(batch)
            self.ahead[id] = nil
        }
    }

    // MARK: Creating

    private func create(
        _ record: TenantRecord,
        _ definition: TenantDefinition,
        _ batch: CommitBatch
    ) throws(BackendError) {
        guard let file = definition.home else { return }
        // From here on a start makes the tenant, if this does not come to its end.
        try self.main.commit(batch)
        self.files[record.id] = file
        do throws(BackendError) {
            try self.makeHome(record, definition, file)
        } catch {
            self.abandoned.insert(record.id)
            do throws(BackendError) {
                try self.forgetAbandoned()
            } catch let second {
                throw .uncertain("\(error), then \(second)")
            }
            throw error
        }
    }

    /// Makes a tenant's file, or finishes it, and notes in the main one that it is made.
    func makeHome(
        _ record: TenantRecord,
        _ definition: TenantDefinition,
        _ file: String
    ) throws(BackendError) {
        let home: SQLiteBackend
        do throws(StoreError) {
            home = try self.open(file)
        } catch {
            throw .unavailable("\(error)")
        }
        do throws(BackendError) {
            let present = try home.tenants()
            if present.isEmpty {
                var batch = CommitBatch()
                batch.registry = [.create(record, definition.atHome)]
                try home.commit(batch)
            } else if present.map(\.definition.uid) != [definition.uid] {
                throw .unavailable("the file \(home.path) holds other tenants")
            }
            var batch = CommitBatch()
            batch.registry = [.define(record.id, definition)]
            try self.main.commit(batch)
        } catch {
            home.close()
            throw error
        }
        self.homes.set(home, of: record.id)
    }

    /// Takes tenants out of the main file whose creation failed.
    private func forgetAbandoned() throws(BackendError) {
        for id in self.abandoned {
            if let file = self.files[id] { try self.removeHome(of: id, file) }
            var batch = CommitBatch()
            batch.registry = [.erase(id)]
            try self.main.commit(batch)
            self.abandoned.remove(id)
            self.files[id] = nil
        }
    }

    // MARK: Erasing

    /// Closes a home and removes its files, as far as they are there. What somebody has put in their
    /// place is left alone.
    private func removeHome(of tenant: TenantID, _ file: String) throws(BackendError) {
        if let home = self.homes.backend(of: tenant) {
            self.homes.set(nil, of: tenant)
            home.close()
        } else if try self.isOfOthers(file, than: tenant) {
            return
        }
        self.ahead[tenant] = nil
        do throws(StoreError) {
            try SQLiteBackend.remove(self.path(of: file))
        } catch {
            throw .unavailable("\(error)")
        }
    }

    /// Whether a file that is not open is something else than the home of `tenant`. One that is ours and
    /// damaged can be read no more than the other kind, and is not spared.
    private func isOfOthers(_ file: String, than tenant: TenantID) throws(BackendError) -> Bool {
        let path = self.path(of: file)
        do throws(StoreError) {
            guard try StoreFile.exists(at: path) else { return false }
        } catch {
            if case .foreign = error { return true }
            return false
        }
        let uid = try self.main.tenants().first { $0.record.id == tenant }?.definition.uid
        do throws(SQLiteError) {
            let connection = try Connection(path: path, access: .readOnly)
            let statement = try Statement("SELECT uid FROM tenant", on: connection)
            while try statement.step() {
                if statement.text(0) != uid { return true }
            }
            return false
        } catch {
            return false
        }
    }
}
