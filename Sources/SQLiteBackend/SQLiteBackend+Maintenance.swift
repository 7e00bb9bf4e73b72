package import ByreCore
import SQLite

extension SQLiteBackend {
    package func maintain() throws(BackendError) -> Bool {
        let writer = try self.writer
        do {
            let hasMore = try self.vacuumSlice(writer)
            guard !hasMore else { return true }
            return try self.restLog(writer)
        } catch {
            throw BackendError(error)
        }
    }

    package func defragment() throws(BackendError) {
        let writer = try self.writer
        do {
            // Each slice is a transaction of its own, so the log stays within its bound.
            var free = try writer.connection.integer("PRAGMA freelist_count")
            while free > 0 {
                try self.vacuum(writer)
                let left = try writer.connection.integer("PRAGMA freelist_count")
                guard left < free else { break }
                free = left
            }
            // Readers may hold the log for a moment; then maintenance cuts it later.
            _ = try self.opened?.checkpointer.withoutPass { () throws(SQLiteError) in
                try writer.connection.checkpoint(.truncate)
            }
            writer.log = Writer.Log(framesNext: self.limits.frames(self.limits.logBytesMax))
        } catch {
            throw BackendError(error)
        }
    }

    /// Gives free pages back if there are more than are worth keeping.
    /// - Returns: whether there still are.
    private func vacuumSlice(_ writer: Writer) throws(SQLiteError) -> Bool {
        let free = try writer.connection.integer("PRAGMA freelist_count")
        let kept = Int64(self.limits.freeBytesKept / self.limits.pageBytes)
        guard free > kept else { return false }
        let pages = try writer.connection.integer("PRAGMA page_count")
        let keptPart = Int64(Double(pages) * self.limits.freePartKept)
        guard free > max(kept, keptPart) else { return false }
        try self.vacuum(writer)
        return true
    }

    private func vacuum(_ writer: Writer) throws(SQLiteError) {
        try writer.connection.execute(
            "PRAGMA incremental_vacuum(\(self.limits.vacuumPagesPerSlice))"
        )
        self.tendLog(writer)
    }

    /// Moves the rest of the log once nobody writes, and shortens its file.
    /// - Returns: whether there is more to do.
    private func restLog(_ writer: Writer) throws(SQLiteError) -> Bool {
        guard writer.log.frames > 0, writer.log.moved < writer.log.frames else { return false }
        guard let moved = self.opened?.checkpointer.movedFrames() else { return false }
        writer.log.isMoving = false
        let result = try writer.connection.checkpoint(.passive)
        writer.log.moved = max(moved, result.movedFrames)
        let isLong = writer.log.frames > self.limits.frames(self.limits.idleLogBytes)
        if isLong, result.movedFrames == result.logFrames {
            // A commit that finds all moved starts the log over and cuts it to `journal_size_limit`.
            try writer.writeNothing()
            writer.log = Writer.Log(framesNext: self.limits.frames(self.limits.logBytesMax))
            writer.log.frames = writer.connection.walFrames
        }
        return false
    }
}
