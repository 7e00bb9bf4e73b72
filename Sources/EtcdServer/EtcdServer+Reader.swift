import ByreCore
import EtcdAPI
import Engine
import GRPC

extension EtcdServer {
    /// Computes an answer on a reader thread.
    /// - Parameters:
    ///   - bytes: about how much that will load.
    func onReader(
        _ call: ServerCall,
        _ tenant: TenantStore,
        bytes: Int = 0,
        _ body: @escaping @Sendable (any BackendReader) throws(RequestError) -> FramedMessage
    ) {
        let isQueued = self.onReader(for: call, tenant, loop: call.loop, bytes: bytes, body) {
            call,
            result in
            switch result {
            case .success(let message): self.reply(message, tenant, to: call)
            case .failure(let error): call.fail(Status(error))
            }
        }
        if !isQueued { call.fail(Status(EtcdError.tooManyRequests)) }
    }

    /// Computes something on a reader thread and hands it back on the loop.
    /// - Parameters:
    ///   - handler: what `complete` runs on; belongs to the loop.
    ///   - bytes: about how much that will load.
    /// - Returns: false when too many reads wait; `complete` is not called then.
    func onReader<Handler: AnyObject, Value: Sendable>(
        for handler: Handler,
        _ tenant: TenantStore,
        loop: LoopHandle,
        bytes: Int = 0,
        _ body: @escaping @Sendable (any BackendReader) throws(RequestError) -> Value,
        _ complete: @escaping @Sendable (Handler, Result<Value, RequestError>) -> Void
    ) -> Bool {
        let bound = LoopBound(handler, loop: loop)
        return self.store.readers.submit(for: tenant, bytes: bytes) { opened in
            let result: Result<Value, RequestError>
            switch opened {
            case .failure(let error): result = .failure(.backend(error))
            case .success(let reader):
                do throws(RequestError) {
                    result = .success(try body(reader))
                } catch {
                    result = .failure(error)
                }
            }
            bound.loop.execute { complete(bound.value, result) }
        }
    }
}
