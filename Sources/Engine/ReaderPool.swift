package import ByreCore

/// Threads that read the backend beside the writer, so that event loops never wait for a disk.
///
/// Tenants' jobs take turns, by the bytes that they load.
package final class ReaderPool: Sendable {
    /// Runs on a reader thread. Gets nil when the backend gives no reader.
    package typealias Job = @Sendable (Result<any BackendReader, BackendError>) -> Void

    /// What a job counts for beside the bytes that it loads.
    private static let jobCost = 16 << 10
    /// Most that a job counts for, so that even the longest gets its turn.
    private static let bytesMax = 64 << 20
    /// What each tenant is granted in a round.
    private static let roundCost = 256 << 10

    private let queue: FairQueue<Job>
    private let threads: [WorkerThread]

    /// - Parameters:
    ///   - queueMax: most jobs waiting; ``submit(for:bytes:_:)`` refuses more.
    ///   - tenantQueueMax: most jobs of one tenant waiting.
    init(backend: any Backend, threads: Int, queueMax: Int, tenantQueueMax: Int) {
        let queue = FairQueue<Job>(
            FairQueue.Bounds(count: queueMax, cost: .max, laneCount: tenantQueueMax, laneCost: .max)
        )
        self.queue = queue
        self.threads = (0..<threads).map { number in
            WorkerThread(name: "reader-\(number)") {
                Self.run(queue, backend: backend)
            }
        }
    }

    /// Queues a job.
    /// - Parameter bytes: about how much it will load; 0 when it is little, or unknown.
    /// - Returns: false when a queue is full or the pool is stopped; the job will not run then.
    package func submit(
        for tenant: TenantStore,
        bytes: Int = 0,
        _ job: @escaping Job
    ) -> Bool {
        self.queue.push(job, cost: Self.jobCost + min(bytes, Self.bytesMax), to: tenant.reads)
            == .pushed
    }

    func stop() {
        self.queue.close()
        for thread in self.threads { thread.join() }
    }

    private static func run(_ queue: FairQueue<Job>, backend: any Backend) {
        var reader: (any BackendReader)?
        while let job = queue.takeFirst(grant: self.roundCost) {
            if let reader {
                job(.success(reader))
                continue
            }
            do throws(BackendError) {
                let opened = try backend.makeReader()
                reader = opened
                job(.success(opened))
            } catch {
                job(.failure(error))
            }
        }
    }
}
