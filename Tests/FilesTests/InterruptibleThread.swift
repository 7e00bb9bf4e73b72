import ByreTestKit
import Foundation
import Glibc
import Synchronization

/// Signals that threads have heard.
private let interruptions = Atomic<Int>(0)

/// A thread whose system calls can be interrupted.
final class InterruptibleThread: Sendable {
    private struct State {
        var thread: pthread_t?
        /// Where the system tells of it.
        var place = ""
        var result: Result<[UInt8], any Error>?
    }

    private let state = Mutex(State())
    private let began = Signal()
    private let ended = Signal()

    init(_ body: @escaping @Sendable () throws -> [UInt8]) {
        // A signal that is ignored interrupts nothing, and one with SA_RESTART nothing that shows.
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { _ in
            interruptions.add(1, ordering: .sequentiallyConsistent)
        }
        sigaction(SIGUSR2, &action, nil)
        Thread.detachNewThread {
            let result = Result {
                let link = "/proc/thread-self"
                let place = try FileManager.default.destinationOfSymbolicLink(atPath: link)
                self.state.withLock {
                    $0.thread = pthread_self()
                    $0.place = "/proc/" + place
                }
                // Threads that run tests may have all signals blocked, and those they make with them.
                var signals = sigset_t()
                sigemptyset(&signals)
                sigaddset(&signals, SIGUSR2)
                pthread_sigmask(SIG_UNBLOCK, &signals, nil)
                self.began.send()
                return try body()
            }
            self.state.withLock { $0.result = result }
            self.ended.send()
        }
        _ = interruptions.load(ordering: .relaxed)
    }

    /// Interrupts the system call in which it sleeps, once it does.
    func interrupt() throws {
        try self.began.wait(for: "the thread to begin")
        let (thread, place) = self.state.withLock { ($0.thread, $0.place) }
        while try !Self.sleeps(place) { sched_yield() }
        let before = interruptions.load(ordering: .sequentiallyConsistent)
        if let thread { pthread_kill(thread, SIGUSR2) }
        while interruptions.load(ordering: .sequentiallyConsistent) == before { sched_yield() }
    }

    /// Whether a thread of this process sleeps.
    ///
    /// - See: proc(5), `/proc/pid/stat`: the state follows the name, which is in parentheses.
    private static func sleeps(_ place: String) throws -> Bool {
        let stat = try String(contentsOfFile: place + "/stat", encoding: .utf8)
        return stat.split(separator: ")").last?.hasPrefix(" S") ?? false
    }

    /// What came of it.
    func result() throws -> [UInt8] {
        try self.ended.wait(for: "the thread to end")
        return try self.state.withLock { try $0.result?.get() } ?? []
    }
}
