package import ByreCore

/// Threads that read the backend beside the writer, so that event loops never wait for a disk.
package final class ReaderPool: Sendable {
    /// Runs on a reader thread. Gets nil when the backend gives no reader.
    package typealias Job = @Sendable (Result<any BackendReader, BackendError>) -> Void

    private let mailbox: Mailbox<Job>
    private let threads: [WorkerThread]

    /// - Parameter queueMax: most jobs waiting; ``submit(_:)`` refuses more.
    init(backend: any Backend, threads: Int, queueMax: Int) {
        let mailbox = Mailbox<Job>(capacity: queueMax)
        self.mailbox = mailbox
        self.threads = (0..<threads).map { number in
            WorkerThread(name: "reader-\(number)") {
                Self.run(mailbox, backend: backend)
            }
        }
    }

    /// Queues a job.
    /// - Returns: false when the queue is full or the pool is stopped; the job will not run then.
    package func submit(_ job: @escaping Job) -> Bool {
        self.mailbox.push(job) == .pushed
    }

    func stop() {
        self.mailbox.close()
        for thread in self.threads { thread.join() }
    }

    private static func run(_ mailbox: Mailbox<Job>, backend: any Backend) {
        var reader: (any BackendReader)?
        while let job = mailbox.takeFirst() {
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
