import Glibc

/// What the controller is told by signals, taken by a thread that waits for them.
enum ControllerSignals {
    enum Wish {
        /// To look at everything at once.
        case look
        /// To end; the signal's name.
        case stop(String)
    }

    private static var set: sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        sigaddset(&set, SIGTERM)
        sigaddset(&set, SIGINT)
        sigaddset(&set, SIGHUP)
        return set
    }

    /// Keeps the signals pending for ``wait()``. Before any other thread is made.
    static func block() {
        var set = Self.set
        pthread_sigmask(SIG_BLOCK, &set, nil)
    }

    static func wait() -> Wish {
        var set = Self.set
        var number: CInt = 0
        while sigwait(&set, &number) != 0 {}
        switch number {
        case SIGHUP: return .look
        case SIGINT: return .stop("SIGINT")
        default: return .stop("SIGTERM")
        }
    }

    /// Lets the next one end the process at once.
    static func unblock() {
        var set = Self.set
        pthread_sigmask(SIG_UNBLOCK, &set, nil)
    }
}
