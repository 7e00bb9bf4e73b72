import Glibc

/// A named thread that runs one function to its end.
package final class WorkerThread: @unchecked Sendable {
    // @unchecked: `thread` is written once, before the object is shared.
    private var thread = pthread_t()

    /// Starts the thread.
    /// - Parameter name: at most 15 bytes, as the kernel keeps it.
    package init(name: String, _ body: @escaping @Sendable () -> Void) {
        let start = Unmanaged.passRetained(Start(name: name, body: body))
        let code = pthread_create(
            &self.thread,
            nil,
            { argument in
                guard let argument else { return nil }
                let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
                start.nameThread()
                start.body()
                return nil
            },
            start.toOpaque()
        )
        precondition(code == 0, "the system can start a thread")
    }

    /// Waits for the thread to end. Once.
    package func join() {
        pthread_join(self.thread, nil)
    }

    private final class Start {
        let name: String
        let body: @Sendable () -> Void

        init(name: String, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }

        /// Names the calling thread for tools like `top -H`; without a name it works as well.
        /// - See: proc(5), `/proc/pid/task/tid/comm`.
        func nameThread() {
            let file = open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
            guard file >= 0 else { return }
            _ = write(file, self.name, self.name.utf8.count)
            close(file)
        }
    }
}
