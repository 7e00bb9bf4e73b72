package import ByreCore
import SQLite

extension SQLiteBackend {
    /// Cheap when there is nothing to do, so it may follow every commit.
    package func maintain() throws(BackendError) -> Bool {
        let writing = try self.writing()
        let writer = writing.writer
        // Pages are moved and given back by transactions that say nothing of the journal.
        try self.settleAll(writing)
        do throws(SQLiteError) {
            try self.restLog(writing)
            guard writer.mayHaveFreePages else { return false }
            guard try self.hasFreePagesToSpare(writer) else {
                writer.mayHaveFreePages = false
                return false
            }
            try self.vacuum(writing)
            return true
        } catch {
            throw BackendError(error)
        }
    }

    /// Gives every free page back, in slices that keep the log within its bound, and cuts the log.
    /// - Complexity: O(free pages).
    package func defragment() throws(BackendError) {
        let writing = try self.writing()
        let writer = writing.writer
        try self.settleAll(writing)
        do throws(SQLiteError) {
            var free = try writer.connection.integer("PRAGMA freelist_count")
            while free > 0 {
                try self.vacuum(writing)
                let left = try writer.connection.integer("PRAGMA freelist_count")
                // Fewer each time; should a slice find nothing to move, there is no use in another.
                guard left < free else { break }
                free = left
            }
            // Readers that do not let go in time leave the log as it is; it is cut another time.
            _ = try self.cutLog(writing)
            writer.forgetLog()
        } catch {
            throw BackendError(error)
        }
    }

    /// Has the log moved while nobody writes, and its file shortened after a burst.
    private func restLog(_ writing: Writing) throws(SQLiteError) {
        let (writer, checkpointer) = (writing.writer, writing.checkpointer)
        if writer.log.isMoving {
            guard let moved = checkpointer.movedFrames() else { return }
            writer.log.isMoving = false
            writer.log.moved = moved
        }
        let rest = writer.log.frames - writer.log.moved
        if rest >= self.limits.frames(self.limits.checkpointTailBytes) {
            writer.log.isMoving = true
            checkpointer.wake()
        } else if writer.log.frames > self.limits.frames(self.limits.idleLogBytes) {
            self.moveLog(writing)
            guard writer.log.moved == writer.log.frames else { return }
            // A commit that finds everything moved starts over and cuts the file.
            try writer.writeNothing()
            writer.forgetLog()
            writer.log.frames = writer.connection.walFrames
        }
    }

    /// Whether there are more free pages than the next rows are likely to need.
    private func hasFreePagesToSpare(_ writer: Writer) throws(SQLiteError) -> Bool {
        let free = try writer.connection.integer("PRAGMA freelist_count")
        guard free > self.limits.freeBytesKept / self.limits.pageBytes else { return false }
        let pages = try writer.connection.integer("PRAGMA page_count")
        return Double(free) > Double(pages) * self.limits.freePartKept
    }

    private func vacuum(_ writing: Writing) throws(SQLiteError) {
        let pages = self.limits.vacuumPagesPerSlice
        try writing.writer.connection.execute("PRAGMA incremental_vacuum(\(pages))")
        self.tendLog(writing)
    }
}
