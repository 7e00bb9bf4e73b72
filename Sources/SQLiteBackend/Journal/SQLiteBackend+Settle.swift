package import ByreCore
import SQLite

extension SQLiteBackend {
    /// Brings the batches that are in the journal alone into SQLite, all in one transaction, when
    /// there are ``SQLiteLimits/settleBytes`` of them or nobody waits.
    ///
    /// A lone writer is answered before SQLite is asked for anything, and many small commits share
    /// one transaction of it: they share its pages, too.
    package func settle(isIdle: Bool) throws(BackendError) -> Bool {
        guard self.unsettledBytes > 0 else { return false }
        guard isIdle || self.unsettledBytes >= self.limits.settleBytes else { return true }
        try self.settleAll(try self.writing())
        return false
    }

    /// - Throws: with the batches still unsettled; none has been lost.
    func settleAll(_ writing: Writing) throws(BackendError) {
        let batches = self.unsettled.batches
        guard let last = batches.last?.number else { return }
        do throws(SQLiteError) {
            try writing.writer.write(batches)
        } catch {
            writing.checkpointer.doubtLog(after: error)
            // A transaction that failed may be there all the same, and must not be written twice.
            guard let there = try? writing.writer.lastRecord(), there >= last else {
                let failure = BackendError(error)
                self.settleFailure = failure
                throw failure
            }
        }
        self.settled(through: last)
        self.tendLog(writing)
        // The other file is full: by the time that this one is, the log should be synced.
        let full = writing.journal.lastOfFull
        if full > writing.checkpointer.durable, full <= last {
            writing.checkpointer.startSync(through: last)
        }
    }

    /// Notes that SQLite has all records up to one.
    func settled(through number: Int64) {
        self.unsettled.removeAll(through: number)
        self.unsettledBytes = 0
        self.settleFailure = nil
    }

    /// Has SQLite hold all records up to `number` durably, so that their file can be written over.
    func freeJournal(through number: Int64, _ writing: Writing) throws(BackendError) {
        let checkpointer = writing.checkpointer
        if checkpointer.durable >= number { return }
        try self.settleAll(writing)
        let last = writing.journal.next - 1
        if checkpointer.isLogDoubtful {
            try self.settleLogDoubt(writing)
            return
        }
        do throws(FileError) {
            try checkpointer.syncLog(through: last)
        } catch {
            throw BackendError.unavailable("log: \(error)")
        }
    }

    /// Moves all of the log into the database, synced, and cuts it.
    /// - Returns: whether all could be moved; somebody's read may forbid it.
    func cutLog(_ writing: Writing) throws(SQLiteError) -> Bool {
        let last = try writing.writer.lastRecord()
        let result = try writing.checkpointer.withoutPass { () throws(SQLiteError) in
            try writing.writer.connection.checkpoint(.truncate)
        }
        guard !result.busy, result.movedFrames == result.logFrames else { return false }
        writing.checkpointer.madeDurable(through: last, isMoved: true)
        return true
    }

    /// Brings everything into SQLite, durably, as far as that can be done.
    /// - Returns: whether the journal is not needed any more.
    func settleForGood(_ writing: Writing) -> Bool {
        do throws(BackendError) {
            try self.freeJournal(through: writing.journal.next - 1, writing)
            return true
        } catch {
            return false
        }
    }

    // MARK: Start

    /// Brings into SQLite what a journal holds that it has not, and makes that durable.
    /// - Returns: the number of the last record that SQLite has.
    static func replay(
        _ path: String,
        _ writer: Writer,
        _ files: FileLayer
    ) throws(StoreError) -> Int64 {
        do throws(SQLiteError) {
            let applied = try writer.lastRecord()
            let tail: JournalTail
            do throws(JournalTail.Damage) {
                tail = try JournalTail(path: path, after: applied)
            } catch {
                throw SQLiteError.contradiction("its journal: \(error.what)")
            }
            guard tail.isThere else { return applied }
            if !tail.batches.isEmpty { try self.replay(tail.batches, writer) }
            // Records that SQLite had before may be unsynced too.
            do throws(FileError) {
                let log = try files.open(path + "-wal")
                defer { log.close() }
                try files.sync(log)
            } catch {
                throw SQLiteError(code: .ioError, message: "\(path)-wal: \(error)")
            }
            return try writer.lastRecord()
        } catch {
            throw StoreError(path, error)
        }
    }

    private static func replay(
        _ batches: [NumberedBatch],
        _ writer: Writer
    ) throws(SQLiteError) {
        do throws(SQLiteError) {
            try writer.write(batches)
        } catch {
            guard error.code.primary == .full else { throw error }
            let bytes = try writer.logGrowthMax(batches)
            throw SQLiteError(
                code: error.code,
                message:
                    "\(error.message), and what is in the journal alone has to be added to it: "
                    + "free \(bytes) bytes and start again"
            )
        }
    }

    /// Makes the files of the journal, in place of those that were replayed.
    static func makeJournal(
        _ path: String,
        next: Int64,
        _ limits: SQLiteLimits,
        _ files: FileLayer,
        _ checkpointer: Checkpointer
    ) throws(SQLiteError) -> Journal {
        do throws(FileError) {
            return try Journal(path: path, next: next, limits: limits, layer: files)
        } catch {
            checkpointer.stop()
            throw SQLiteError(code: .cannotOpen, message: "its journal: \(error)")
        }
    }
}
