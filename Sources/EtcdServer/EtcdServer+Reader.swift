import ByreCore
import EtcdAPI
import Engine
import GRPC

extension EtcdServer {
    /// Computes an answer on a reader thread.
    func onReader(
        _ call: ServerCall,
        _ body: @escaping @Sendable (any BackendReader) throws(RequestError) -> FramedMessage
    ) {
        let bound = LoopBound(call, loop: call.loop)
        let isQueued = self.store.readers.submit { opened in
            let result: Result<FramedMessage, RequestError>
            switch opened {
            case .failure(let error): result = .failure(.backend(error))
            case .success(let reader):
                do throws(RequestError) {
                    result = .success(try body(reader))
                } catch {
                    result = .failure(error)
                }
            }
            bound.loop.execute {
                switch result {
                case .success(let message): bound.value.reply(message)
                case .failure(let error): bound.value.fail(Status(error))
                }
            }
        }
        if !isQueued { call.fail(Status(EtcdError.tooManyRequests)) }
    }
}
