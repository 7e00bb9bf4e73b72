package import ByreCore
import SQLite

extension SQLiteBackend {
    /// Makes a batch durable in the journal, or, where it is large or changes control state, in SQLite.
    ///
    /// While batches that are in the journal alone cannot be brought into SQLite, as on a full disk,
    /// nothing is committed but what makes room for them.
    /// - Complexity: O(size of the batch); where it goes to SQLite, O(rows log pages).
    package func commit(_ batch: CommitBatch) throws(BackendError) {
        guard !batch.isEmpty else { return }
        let writing = try self.writing()
        try writing.writer.settleDoubt()
        let bytes = BatchEncoding.bytes(of: batch)
        if batch.changesControlState || bytes > self.limits.directBytes {
            try self.commitDirectly(batch, writing)
            return
        }
        if self.settleFailure != nil || self.unsettledBytes >= self.limits.directBytes {
            do throws(BackendError) {
                try self.settleAll(writing)
            } catch {
                guard !batch.removedRows.isEmpty else { throw error }
                try self.commitDirectly(batch, writing)
                return
            }
        }
        try self.check.check(batch)
        let number = try writing.journal.append(batch, bytes: bytes) {
            number throws(BackendError) in
            try self.freeJournal(through: number, writing)
        }
        self.unsettled.append(NumberedBatch(number: number, batch: batch, bytes: bytes))
        self.unsettledBytes += bytes
        self.check.add(batch)
    }

    /// Writes a batch, after those that wait, in one synced transaction of SQLite.
    private func commitDirectly(_ batch: CommitBatch, _ writing: Writing) throws(BackendError) {
        // Its number would be this batch's, and a crash could bring it back after it.
        try writing.journal.eraseDoubtful()
        try self.settleLogDoubt(writing)
        let last = writing.journal.next - 1
        writing.writer.commitFailure = nil
        let waiting = self.unsettled.batches
        do throws(BackendError) {
            try writing.writer.writeDurably(waiting, then: batch, record: last)
        } catch {
            self.doubtLog(writing)
            throw error
        }
        self.doubtLog(writing)
        self.settled(through: last)
        writing.checkpointer.madeDurable(through: last, isMoved: false)
        self.check.add(batch)
        // The batch is durable; what follows is upkeep of the log and cannot fail the commit.
        self.tendLog(writing)
    }

    /// Has the log be without a part whose sync failed: what is behind such a part is not durable however
    /// well it is synced itself.
    func settleLogDoubt(_ writing: Writing) throws(BackendError) {
        guard writing.checkpointer.isLogDoubtful else { return }
        do throws(SQLiteError) {
            guard try self.cutLog(writing) else {
                throw SQLiteError(code: .busy, message: "the log could not be synced")
            }
        } catch {
            throw BackendError.unavailable("log: \(error)")
        }
    }

    /// Keeps the log short: has it moved into the database beside the commits, and lets it start over.
    ///
    /// SQLite starts the log over at a commit that finds everything moved. The checkpointer works
    /// while commits go on, so it always ends a few frames behind; those are moved here, between two
    /// commits. A log that starts over is written in place, which spares the file system's journal:
    /// that halves the time of a small commit.
    func tendLog(_ writing: Writing) {
        let (writer, checkpointer) = (writing.writer, writing.checkpointer)
        let frames = writer.connection.walFrames
        if frames < writer.log.frames { writer.forgetLog() }
        writer.log.frames = frames
        let step = self.limits.frames(self.limits.checkpointBytes)
        guard writer.log.isMoving || frames - writer.log.moved >= step else { return }

        guard let moved = checkpointer.movedFrames() else { return }
        if writer.log.isMoving {
            writer.log.isMoving = false
            writer.log.moved = moved
        }
        let rest = frames - writer.log.moved
        let isTail = rest <= self.limits.frames(self.limits.checkpointTailBytes)
        if (frames >= step && isTail) || frames >= writer.log.framesNext {
            self.moveLog(writing)
        } else if rest >= step {
            writer.log.isMoving = true
            checkpointer.wake()
        }
    }

    /// Moves the log into the database on this thread. Not while the checkpointer does.
    func moveLog(_ writing: Writing) {
        writing.writer.commitFailure = nil
        writing.writer.moveLog()
        self.doubtLog(writing)
    }

    /// Tells the checkpointer what the writer ran into, which may have been a failed sync.
    func doubtLog(_ writing: Writing) {
        if let error = writing.writer.commitFailure { writing.checkpointer.doubtLog(after: error) }
    }
}

extension CommitBatch {
    /// Whether there is more in it than the journal takes.
    ///
    /// What has no tenant's counters in it would leave no trace of its record's number in SQLite.
    var changesControlState: Bool { !self.registry.isEmpty || self.tenants.isEmpty }
}
