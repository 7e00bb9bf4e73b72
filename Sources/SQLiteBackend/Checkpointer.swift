import ByreCore
import Glibc
import SQLite
import Synchronization

/// Moves the log into the database, and makes the log durable, on a thread and a connection of its
/// own, beside the commits.
///
/// Commits of the writer's connection are not synced. Up to which record of the journal they are
/// durable is known here.
// Sendable because the lock protects what both threads touch, and the connection is the thread's.
final class Checkpointer: @unchecked Sendable {
    private struct State {
        var isRunning = false
        var isStopping = false
        /// Frames of the log that the database has, after the last pass.
        var moved = 0
        /// The record up to which the log is to be synced.
        var wanted: Int64 = 0
        /// The record up to which SQLite has everything durably.
        var durable: Int64 = 0
        /// Whether a sync of the log failed, so that its pages may be lost though the next succeeds.
        var isLogDoubtful = false
    }

    private let connection: Connection
    private let layer: FileLayer
    /// The log's file. SQLite holds no locks on it that closing a descriptor of it could end.
    private let log: OpenFile
    private let state = Mutex(State())
    /// Held during a pass: SQLite has one checkpoint at a time and does not wait for its turn.
    private let pass = Mutex(())
    /// Posted when there is something to do.
    private let signal: UnsafeMutablePointer<sem_t>
    private var thread = pthread_t()

    /// - Parameter durable: the record up to which SQLite has everything durably.
    init(
        path: String,
        limits: SQLiteLimits,
        durable: Int64,
        layer: FileLayer
    ) throws(SQLiteError) {
        self.layer = layer
        do throws(FileError) {
            self.log = try layer.open(path + "-wal")
        } catch {
            throw SQLiteError(code: .cannotOpen, message: "\(path)-wal: \(error)")
        }
        self.connection = try Connection(path: path, access: .readWrite)
        try self.connection.execute("PRAGMA synchronous = FULL")
        try self.connection.setCache(bytes: limits.readerCacheBytes)
        self.state.withLock { $0.durable = durable }
        self.signal = .allocate(capacity: 1)
        sem_init(self.signal, 0, 0)
        let code = pthread_create(
            &self.thread,
            nil,
            { raw in
                guard let raw else { return nil }
                Unmanaged<Checkpointer>.fromOpaque(raw).takeRetainedValue().run()
                return nil
            },
            Unmanaged.passRetained(self).toOpaque()
        )
        guard code == 0 else {
            Unmanaged.passUnretained(self).release()
            throw SQLiteError(
                code: .cannotOpen,
                message: "cannot start a thread: \(systemMessage(code))"
            )
        }
    }

    deinit {
        close(self.log.descriptor)
        sem_destroy(self.signal)
        self.signal.deallocate()
    }

    /// Frames of the log that the database has, or nil while a pass is under way.
    func movedFrames() -> Int? {
        self.state.withLock { $0.isRunning ? nil : $0.moved }
    }

    /// Runs `body` while no pass is under way, after waiting for the end of one.
    func withoutPass<R>(_ body: () throws(SQLiteError) -> R) throws(SQLiteError) -> R {
        let result = self.pass.withLock { _ -> Result<R, SQLiteError> in
            do throws(SQLiteError) {
                return .success(try body())
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    /// Starts a pass.
    ///
    /// Writer thread only, when none is under way.
    func wake() {
        self.state.withLock { $0.isRunning = true }
        sem_post(self.signal)
    }

    /// Ends the thread, after the pass that is under way.
    func stop() {
        self.state.withLock { $0.isStopping = true }
        sem_post(self.signal)
        pthread_join(self.thread, nil)
    }

    private func run() {
        while true {
            while sem_wait(self.signal) != 0 {}
            let (isStopping, wanted, hasPass) = self.state.withLock {
                ($0.isStopping, $0.wanted > $0.durable ? $0.wanted : nil, $0.isRunning)
            }
            if isStopping { return }
            // First, because a commit may come to wait for it.
            if let wanted {
                do throws(FileError) {
                    try self.syncLog(through: wanted)
                } catch {
                    // It is remembered; the writer finds out when it needs the file.
                }
            }
            if hasPass { self.runPass() }
        }
    }

    private func runPass() {
        // A failure moves nothing; the writer asks again, and its own attempt tells.
        var moved = 0
        do throws(SQLiteError) {
            moved = try self.pass.withLock { _ throws(SQLiteError) in
                try self.connection.checkpoint(.passive).movedFrames
            }
        } catch {
            self.doubtLog(after: error)
        }
        self.state.withLock { state in
            state.isRunning = false
            state.moved = moved
        }
    }

    // MARK: What is durable

    /// The record up to which SQLite has everything durably.
    var durable: Int64 { self.state.withLock { $0.durable } }

    /// Whether a sync of the log failed: only when the database has all of the log, and is synced, is
    /// anything known to be durable again.
    var isLogDoubtful: Bool { self.state.withLock { $0.isLogDoubtful } }

    /// Has the log synced, on this object's thread, unless that has been asked for.
    /// - Parameter number: a record that the writer's connection has committed.
    func startSync(through number: Int64) {
        let isNew = self.state.withLock { state in
            guard number > state.wanted, !state.isLogDoubtful else { return false }
            state.wanted = number
            return true
        }
        if isNew { sem_post(self.signal) }
    }

    /// Syncs the log, on the caller's thread.
    /// - Parameter number: a record that the writer's connection has committed.
    func syncLog(through number: Int64) throws(FileError) {
        guard !self.isLogDoubtful else { throw FileError(code: EIO) }
        do throws(FileError) {
            try self.layer.sync(self.log)
        } catch {
            self.state.withLock { $0.isLogDoubtful = true }
            throw error
        }
        self.state.withLock { state in
            if !state.isLogDoubtful { state.durable = max(state.durable, number) }
        }
    }

    /// Notes that SQLite made durable all that the writer's connection has committed: by a synced
    /// commit, or, where `isMoved`, by a checkpoint of everything.
    func madeDurable(through number: Int64, isMoved: Bool) {
        self.state.withLock { state in
            if isMoved { state.isLogDoubtful = false }
            if !state.isLogDoubtful { state.durable = max(state.durable, number) }
        }
    }

    /// Takes the log for doubtful when `error` may come from a failed sync of it.
    func doubtLog(after error: SQLiteError) {
        guard error.code.primary == .ioError, error.code != .ioErrorWrite else { return }
        self.state.withLock { $0.isLogDoubtful = true }
    }
}
