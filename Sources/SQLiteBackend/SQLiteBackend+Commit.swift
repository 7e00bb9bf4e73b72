package import ByreCore
import SQLite

extension SQLiteBackend {
    package func commit(_ batch: CommitBatch) throws(BackendError) {
        guard !batch.isEmpty else { return }
        let writer = try self.writer
        try writer.write(batch)
        // The batch is durable; what follows is upkeep of the log and cannot fail the commit.
        self.tendLog(writer)
    }

    /// Keeps the log short: has it moved into the database beside the commits, and lets it start over.
    ///
    /// SQLite starts the log over at a commit that finds everything moved. The checkpointer works
    /// while commits go on, so it always ends a few frames behind; those are moved here, between two
    /// commits. A log that starts over is written in place, which spares the file system's journal.
    func tendLog(_ writer: Writer) {
        guard let checkpointer = self.opened?.checkpointer else { return }
        let frames = writer.connection.walFrames
        if frames < writer.log.frames {
            writer.log = Writer.Log(framesNext: self.limits.frames(self.limits.logBytesMax))
        }
        writer.log.frames = frames
        let step = self.limits.frames(self.limits.checkpointBytes)
        guard frames - writer.log.moved >= step || writer.log.isMoving else { return }

        guard let moved = checkpointer.movedFrames() else { return }
        if writer.log.isMoving {
            writer.log.isMoving = false
            writer.log.moved = moved
        }
        let rest = frames - writer.log.moved
        let tail = self.limits.frames(self.limits.checkpointTailBytes)
        if (rest <= tail && frames >= step) || frames >= writer.log.framesNext {
            self.moveRest(writer)
        } else if rest >= step {
            writer.log.isMoving = true
            checkpointer.wake()
        }
    }

    /// Moves what the log holds, on the writer thread; never while the checkpointer does.
    func moveRest(_ writer: Writer) {
        // A failure leaves the log to grow, and the next attempt tells; commits do not depend on it.
        guard let result = try? writer.connection.checkpoint(.passive) else {
            writer.log.framesNext = writer.log.frames + self.limits.frames(self.limits.logBytesMax)
            return
        }
        writer.log.moved = result.movedFrames
        if result.movedFrames < result.logFrames {
            // Somebody still reads what is behind in the log.
            writer.log.framesNext = writer.log.frames + self.limits.frames(self.limits.logBytesMax)
        }
    }
}
