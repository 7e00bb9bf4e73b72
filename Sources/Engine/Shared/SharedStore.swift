import ByreCore
import Synchronization

/// What a store that several instances write has beside one with a single writer: three threads, which
/// ask the store for reads, hear of what others commit, and keep instance and leases alive.
package final class SharedStore: Sendable {
    let backend: any SharedBackend
    let attention: Attention
    package let barrier: ReadBarrier
    package let keeper: Keeper
    private let isStopping = Atomic<Bool>(false)
    /// Holds nothing; closed to end a wait.
    private let stopping = Mailbox<Void>(capacity: 1)
    private let threads = Mutex<[WorkerThread]>([])

    /// Nothing runs yet.
    init(
        backend: any SharedBackend,
        me: InstanceRecord,
        clock: Clock,
        pins: ReadPins,
        configuration: Configuration,
        poke: @escaping @Sendable () -> Void
    ) {
        let attention = Attention(poke: poke)
        self.backend = backend
        self.attention = attention
        self.barrier = ReadBarrier(
            backend: backend,
            attention: attention,
            capacity: configuration.readQueueMax
        )
        self.keeper = Keeper(
            backend: backend,
            me: me,
            attention: attention,
            clock: clock,
            pins: pins,
            configuration: configuration
        )
    }

    func start() {
        self.threads.withLock { threads in
            threads = [
                WorkerThread(name: "read-index") { self.barrier.run() },
                WorkerThread(name: "keeper") { self.keeper.run() },
                WorkerThread(name: "listener") { self.listen() },
            ]
        }
    }

    /// Ends the threads. Once; after the committer.
    func stop() {
        self.isStopping.store(true, ordering: .relaxed)
        self.stopping.close()
        self.barrier.close()
        self.keeper.close()
        let threads = self.threads.withLock { threads in
            let taken = threads
            threads = []
            return taken
        }
        for thread in threads { thread.join() }
    }

    // MARK: Listening

    /// How long one call of the listener waits: bounds how long stopping takes.
    private static let listenMilliseconds = 250

    /// Tells the committer what was committed, until stopped.
    private func listen() {
        var listener: (any ChangeListener)?
        while !self.isStopping.load(ordering: .relaxed) {
            do throws(BackendError) {
                guard let heard = listener else {
                    listener = try self.backend.makeListener()
                    self.attention.note { $0.isBlind = true }
                    continue
                }
                let changes = try heard.wait(milliseconds: Self.listenMilliseconds)
                guard changes != HeardChanges() else { continue }
                self.attention.note { work in
                    for (tenant, sequence) in changes.tenants { work.reached(sequence, tenant) }
                    if changes.hasRegistry { work.hasRegistry = true }
                }
            } catch {
                let pause = Int64(Self.listenMilliseconds) * 1_000_000
                _ = self.stopping.take(countMax: 1, until: Clock.monotonic.now() + pause)
            }
        }
    }
}
