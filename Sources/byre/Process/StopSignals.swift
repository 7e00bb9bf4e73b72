import Glibc

/// SIGTERM and SIGINT, taken by a thread that waits for them rather than by a handler.
///
/// `block()` comes before any other thread is made, so that all inherit the mask.
package enum StopSignals {
    /// Keeps the two signals pending for ``wait()`` and turns SIGPIPE off: a peer that has gone away
    /// is an error of `write`.
    package static func block() {
        var set = Self.set
        pthread_sigmask(SIG_BLOCK, &set, nil)
        signal(SIGPIPE, SIG_IGN)
    }

    /// Waits for one of the two.
    /// - Returns: its name.
    package static func wait() -> String {
        var set = Self.set
        var number: CInt = 0
        while sigwait(&set, &number) != 0 {}
        return number == SIGINT ? "SIGINT" : "SIGTERM"
    }

    /// Lets the next of the two end the process at once, as if nobody waited for them.
    package static func unblock() {
        var set = Self.set
        pthread_sigmask(SIG_UNBLOCK, &set, nil)
    }

    private static var set: sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        sigaddset(&set, SIGTERM)
        sigaddset(&set, SIGINT)
        return set
    }
}
