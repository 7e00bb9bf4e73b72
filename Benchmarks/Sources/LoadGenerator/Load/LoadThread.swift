import Glibc

/// A worker on a thread of its own.
package final class LoadThread {
    private var thread = pthread_t()

    /// Runs `worker` to its end.
    package init(_ worker: Worker) {
        let code = pthread_create(
            &self.thread,
            nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<Worker>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            },
            Unmanaged.passRetained(worker).toOpaque()
        )
        precondition(code == 0, "the system can start a thread")
    }

    package func join() {
        pthread_join(self.thread, nil)
    }
}
