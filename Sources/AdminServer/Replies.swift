import Engine
import GRPC

/// Runs the engine's replies on an event loop.
final class LoopExecution: ReplyExecutor {
    private let loop: LoopHandle

    init(_ loop: LoopHandle) {
        self.loop = loop
    }

    func execute(_ body: @escaping @Sendable () -> Void) {
        self.loop.execute(body)
    }
}

/// Brings the outcome of a change of the registry back to an event loop.
final class ChangeReply: TenantReply {
    let executor: any ReplyExecutor
    private let body: @Sendable (Result<TenantStore, TenantChangeError>) -> Void

    init(
        on loop: LoopHandle,
        _ body: @escaping @Sendable (Result<TenantStore, TenantChangeError>) -> Void
    ) {
        self.executor = LoopExecution(loop)
        self.body = body
    }

    func complete(_ result: Result<TenantStore, TenantChangeError>) {
        self.body(result)
    }
}

/// Brings the outcome of a step of an import back to an event loop.
final class StepReply: ImportReply {
    let executor: any ReplyExecutor
    private let body: @Sendable (Result<TenantStore, ImportError>) -> Void

    init(
        on loop: LoopHandle,
        _ body: @escaping @Sendable (Result<TenantStore, ImportError>) -> Void
    ) {
        self.executor = LoopExecution(loop)
        self.body = body
    }

    func complete(_ result: Result<TenantStore, ImportError>) {
        self.body(result)
    }
}
