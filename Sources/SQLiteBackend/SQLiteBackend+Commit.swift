package import ByreCore
import SQLite

extension SQLiteBackend {
    /// - Complexity: O(rows), each O(log pages) where it removes.
    package func commit(_ batch: CommitBatch) throws(BackendError) {
        guard !batch.isEmpty else { return }
        let (writer, checkpointer) = try self.writer()
        try writer.write(batch)
        // The batch is durable; what follows is upkeep of the log and cannot fail the commit.
        self.tendLog(writer, checkpointer)
    }

    /// Keeps the log short: has it moved into the database beside the commits, and lets it start over.
    ///
    /// SQLite starts the log over at a commit that finds everything moved. The checkpointer works
    /// while commits go on, so it always ends a few frames behind; those are moved here, between two
    /// commits. A log that starts over is written in place, which spares the file system's journal:
    /// that halves the time of a small commit.
    func tendLog(_ writer: Writer, _ checkpointer: Checkpointer) {
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
            writer.moveLog()
        } else if rest >= step {
            writer.log.isMoving = true
            checkpointer.wake()
        }
    }
}
