import ByreCore
import SQLite

extension Writer {
    /// What is known of the log after the last commit, in frames of one page.
    struct Log {
        /// Frames that the log holds.
        var frames = 0
        /// How many of them the database has.
        var moved = 0
        /// Whether the checkpointer has been woken and not been seen to end.
        var isMoving = false
        /// At how many frames a commit stops to move the rest itself.
        var framesNext: Int
    }

    /// Begins to count anew: the log has started over.
    func forgetLog() {
        self.log = Log(framesNext: self.limits.frames(self.limits.logBytesMax))
    }

    /// Moves the log into the database on this thread.
    ///
    /// Not while the checkpointer does.
    func moveLog() {
        let next = self.log.frames + self.limits.frames(self.limits.logBytesMax)
        // A failure leaves the log to grow until the next attempt. No commit depends on it.
        do throws(SQLiteError) {
            let result = try self.connection.checkpoint(.passive)
            self.log.moved = result.movedFrames
            if result.movedFrames < result.logFrames {
                // Somebody's read transaction still needs what is behind in the log.
                self.log.framesNext = next
            }
        } catch {
            self.commitFailure = error
            self.log.framesNext = next
        }
    }

    /// About how many bytes a transaction of `batches` adds to the log: hardly ever more.
    ///
    /// What is appended fills half of each of its pages at least. What is changed or deleted may be on
    /// a page of its own, of those that there are, and seldom touches that page's neighbours.
    func logGrowthMax(_ batches: [NumberedBatch]) throws(SQLiteError) -> Int {
        var appendedBytes = 0
        var changes = 0
        for numbered in batches {
            let batch = numbered.batch
            appendedBytes += numbered.bytes
            changes += batch.leases.count + batch.alarms.count + batch.tenants.count
            for removed in batch.removedRows { changes += removed.rows.count }
        }
        let pages = Int(try self.connection.integer("PRAGMA page_count"))
        let pageBytes = self.limits.pageBytes
        let changed = min(changes, pages) + Self.pagesOfAnyTransaction
        return (2 * appendedBytes / pageBytes + changed) * (pageBytes + Self.frameHeaderBytes)
    }

    /// Pages that a transaction changes beside those with its rows: of the trees' inner parts, of the
    /// list of free pages, of the times of commits.
    private static let pagesOfAnyTransaction = 32

    /// Bytes that the log has before each page.
    ///
    /// SQLite: <https://www.sqlite.org/fileformat2.html#the_write_ahead_log>
    private static let frameHeaderBytes = 24
}
