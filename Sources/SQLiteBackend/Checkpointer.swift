import ByreCore
import Glibc
import SQLite
import Synchronization

/// Moves the log into the database on a thread and a connection of its own, beside the commits.
// Sendable because the lock protects what both threads touch, and the connection is the thread's.
final class Checkpointer: @unchecked Sendable {
    private struct State {
        var isRunning = false
        var isStopping = false
        /// Frames of the log that the database has, after the last pass.
        var moved = 0
    }

    private let connection: Connection
    private let state = Mutex(State())
    /// Held during a pass: SQLite has one checkpoint at a time and does not wait for its turn.
    private let pass = Mutex(())
    /// Posted when there is something to do.
    private let signal: UnsafeMutablePointer<sem_t>
    private var thread = pthread_t()

    init(path: String, limits: SQLiteLimits) throws(SQLiteError) {
        self.connection = try Connection(path: path, access: .readWrite)
        try self.connection.execute("PRAGMA synchronous = FULL")
        try self.connection.execute("PRAGMA cache_size = -\(limits.readerCacheBytes >> 10)")
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
            if self.state.withLock({ $0.isStopping }) { return }
            // A failure moves nothing; the writer asks again, and its own attempt tells.
            let result = self.pass.withLock { _ in try? self.connection.checkpoint(.passive) }
            self.state.withLock { state in
                state.isRunning = false
                state.moved = result?.movedFrames ?? 0
            }
        }
    }
}
