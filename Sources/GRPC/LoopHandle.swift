/// What an event loop offers to those that do not know how it is built.
package protocol LoopExecutor: Sendable {
    /// Runs `body` on the loop, later. May be called from any thread.
    func execute(_ body: @escaping @Sendable () -> Void)
    /// Runs `body` on the loop once `delay` has passed. May be called from any thread.
    func schedule(after delay: Duration, _ body: @escaping @Sendable () -> Void) -> LoopTimer
    /// Time since some fixed moment; never goes back.
    var now: Duration { get }
    /// Whether the caller runs on the loop.
    var isCurrent: Bool { get }
}

/// Something that will run unless it is cancelled.
package struct LoopTimer: Sendable {
    private let onCancel: @Sendable () -> Void

    package init(onCancel: @escaping @Sendable () -> Void) {
        self.onCancel = onCancel
    }

    /// Keeps the body from running, unless it is too late.
    ///
    /// May be called from any thread.
    package func cancel() {
        self.onCancel()
    }
}

/// The event loop that owns a connection and everything confined to it.
package final class LoopHandle: Sendable {
    private let executor: any LoopExecutor

    package init(_ executor: any LoopExecutor) {
        self.executor = executor
    }

    /// Runs `body` on the loop, later.
    ///
    /// May be called from any thread.
    package func execute(_ body: @escaping @Sendable () -> Void) {
        self.executor.execute(body)
    }

    /// Runs `body` on the loop once `delay` has passed.
    ///
    /// May be called from any thread.
    @discardableResult
    package func schedule(
        after delay: Duration,
        _ body: @escaping @Sendable () -> Void
    ) -> LoopTimer {
        self.executor.schedule(after: delay, body)
    }

    /// Time since some fixed moment; never goes back.
    package var now: Duration { self.executor.now }

    /// Whether the caller runs on the loop.
    package var isCurrent: Bool { self.executor.isCurrent }

    /// Traps unless the caller runs on the loop.
    package func preconditionIsCurrent() {
        precondition(self.executor.isCurrent, "must be called on the loop it is confined to")
    }
}

/// A value confined to a loop, that may be carried over other threads on its way back there.
package struct LoopBound<Value>: @unchecked Sendable {
    // Sendable: the value is touched on its loop only, which both accessors check. It is let go of
    // wherever the last copy goes, so it must not mind where it is deinitialized.
    private let storage: Value
    package let loop: LoopHandle

    /// - Precondition: called on `loop`.
    package init(_ value: Value, loop: LoopHandle) {
        loop.preconditionIsCurrent()
        self.storage = value
        self.loop = loop
    }

    /// - Precondition: called on ``loop``.
    package var value: Value {
        self.loop.preconditionIsCurrent()
        return self.storage
    }
}
