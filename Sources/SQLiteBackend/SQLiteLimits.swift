/// The sizes that a store on SQLite keeps to, and why they are what they are.
package struct SQLiteLimits: Hashable, Sendable {
    /// Bytes of a database page, fixed when the file is made: a power of two, 512 to 65,536.
    package var pageBytes = 8 << 10
    /// Bytes of pages that the writer's connection keeps in memory.
    ///
    /// The writer appends, so it needs the right edge of `kv` and the small tables; compaction
    /// deletes in row order. More would duplicate the operating system's cache.
    package var writerCacheBytes = 16 << 20
    /// Bytes of pages that the writer's connection keeps while a start reads through the store, once.
    package var recoveryCacheBytes = 1 << 20
    /// Bytes of pages that each reader keeps in memory: the inner pages of `kv`, mostly.
    package var readerCacheBytes = 4 << 20
    /// Bytes of log at which the log is moved into the database beside the writer.
    package var checkpointBytes = 4 << 20
    /// Bytes of log that a commit moves itself, so that the log can start over.
    package var checkpointTailBytes = 1 << 20
    /// Bytes of log at which a commit stops to move the rest itself, so that the log starts over.
    ///
    /// The log grows past it only while somebody's long read keeps it from starting over; then it
    /// is tried again each time this many bytes more were written.
    package var logBytesMax = 64 << 20
    /// Bytes of log file kept when idle: writing in place spares the file system's journal, which
    /// halves the time of a small commit.
    package var idleLogBytes = 16 << 20
    /// Bytes that each of the journal's two files may grow to.
    ///
    /// One is filled while the log is synced for the other, so a file has to take what is written in
    /// the meantime; when both are full a commit waits for that sync.
    package var journalFileBytes = 8 << 20
    /// Bytes by which a file of the journal grows.
    package var journalStepBytes = 1 << 20
    /// Bytes of a batch from which it is written to SQLite at once: writing it twice would cost more
    /// than the one sync of a small record saves.
    package var directBytes = 1 << 20
    /// Bytes of batches that are in the journal alone at which they are brought into SQLite though
    /// more commits wait.
    package var settleBytes = 64 << 10
    /// Pages that one slice of incremental vacuum gives back.
    package var vacuumPagesPerSlice = 256
    /// Bytes of free pages that are kept for the next rows rather than given back.
    package var freeBytesKept = 16 << 20
    /// Part of the file that may be free pages before any are given back.
    ///
    /// Giving a page back moves another into its place, so a store that is compacted every few
    /// minutes and then grows again had better keep them.
    package var freePartKept = 0.25
    /// Milliseconds for which a statement waits for another process's lock, someone's `sqlite3`.
    package var busyMilliseconds: Int32 = 5_000
    /// Pages that the database may grow to, or 0 for no limit of ours.
    package var pagesMax: Int64 = 0

    package init() {}

    /// How many frames of the log, of one page each, `bytes` are.
    func frames(_ bytes: Int) -> Int { bytes / self.pageBytes }
}
