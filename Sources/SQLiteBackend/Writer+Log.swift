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
}
