import ByreCore
import EtcdAPI
import Engine
import GRPC

extension EtcdServer {
    /// `KV/Range` for an administrator: over all tenants, in the order of raw keys.
    ///
    /// Within one prefix it is the tenant's answer, header and revisions included. Over several, each
    /// tenant is read at its latest revision, one after the other, and the header has no revision.
    func rawRange(_ message: RawSpan, _ call: ServerCall) {
        self.rawRead(message, call, RequestValidation.check) { call, answer in
            call.reply(answer)
        }
    }

    /// `KV/RangeStream` for an administrator: the unary answer as one response.
    func rawRangeStream(_ call: ServerCall) -> any StreamHandler {
        RawRangeStreamHandler(self, call)
    }

    /// Answers a Range with `send`, once it is put together on a reader thread.
    fileprivate func rawRead(
        _ message: RawSpan,
        _ call: ServerCall,
        _ check: (WireRangeRequest) throws(EtcdError) -> Void,
        _ send: @escaping @Sendable (ServerCall, FramedMessage) -> Void
    ) {
        let request: RangeRequest
        do throws(WireError) {
            let wire = try WireRangeRequest(decoding: message)
            do throws(EtcdError) {
                try check(wire)
            } catch {
                return call.fail(Status(error))
            }
            request = wire.request
        } catch {
            return call.fail(Status(error))
        }
        let bound = LoopBound(call, loop: call.loop)
        let isQueued = self.store.readers.submit { opened in
            let result = self.rawAnswer(request, opened)
            bound.loop.execute {
                switch result {
                case .success(let answer): send(bound.value, answer)
                case .failure(let failure): bound.value.fail(failure.status)
                }
            }
        }
        if !isQueued { call.fail(Status(EtcdError.tooManyRequests)) }
    }

    /// Why there is no answer.
    private struct Failure: Error {
        let status: Status
    }

    private func rawAnswer(
        _ request: RangeRequest,
        _ opened: Result<any BackendReader, BackendError>
    ) -> Result<FramedMessage, Failure> {
        do {
            let loader = ReaderLoader(reader: try opened.get(), cache: self.store.cache)
            var read = RawRead(request, loader: loader)
            let one = try? self.rawTenant(of: [request.range])
            if one == nil, request.revision > 0 { throw RawRefusal.revision }
            for tenant in one.map({ [$0.tenant] }) ?? self.rawTenants() {
                let pinned = tenant.pinnedSnapshot()
                try read.add(pinned.state, under: tenant.definition.prefix)
                withExtendedLifetime(pinned) {}
            }
            let result = read.result()
            let header = one.map { self.header($0.tenant, at: result.headerRevision) }
            return .success(
                FramedMessage(
                    reserved: result.encoded(
                        header ?? Self.rawHeader,
                        reservingPrefix: FramedMessage.prefixLength
                    )
                )
            )
        } catch let refusal as RawRefusal {
            return .failure(Failure(status: refusal.status))
        } catch let error as RequestError {
            return .failure(Failure(status: Status(error)))
        } catch let error as BackendError {
            return .failure(Failure(status: Status(error)))
        } catch {
            return .failure(Failure(status: Status(.internal, "byre: the answer failed")))
        }
    }
}

/// One RangeStream call of an administrator.
private final class RawRangeStreamHandler: StreamHandler {
    private let server: EtcdServer
    private let call: ServerCall
    private var isAnswered = false

    init(_ server: EtcdServer, _ call: ServerCall) {
        self.server = server
        self.call = call
    }

    func received(_ message: RawSpan) {
        guard !self.isAnswered else { return }
        self.isAnswered = true
        self.server.rawRead(message, self.call, RequestValidation.checkStream) { call, answer in
            call.send(answer)
            call.finish(.ok)
        }
    }

    func halfClosed() {}
    func ended(_ reason: Status) {}
    func drained() {}
}
