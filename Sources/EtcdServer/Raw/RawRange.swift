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
        let one = try? self.rawTenant(of: [request.range])
        if one == nil, request.revision > 0 { return call.fail(RawRefusal.revision.status) }
        let tenants = one.map { [$0.tenant] } ?? self.rawTenants()
        RawReading(self, RawRead(request), tenants, isOneTenants: one != nil) { call, result in
            switch result {
            case .success(let answer): send(call, answer)
            case .failure(let failure): call.fail(failure.status)
            }
        }
        .goOn(call)
    }
}

/// A read that goes from tenant to tenant, each a job of its own among those of the reader threads.
private struct RawReading: Sendable {
    /// Why there is no answer.
    struct Failure: Error {
        let status: Status

        init(_ error: any Error) {
            switch error {
            case let refusal as RawRefusal: self.status = refusal.status
            case let error as RequestError: self.status = Status(error)
            case let error as BackendError: self.status = Status(error)
            default: self.status = Status(.internal, "byre: the answer failed")
            }
        }
    }

    private let server: EtcdServer
    private var read: RawRead
    /// Those that are still to be read, and the one read last.
    private var tenants: ArraySlice<TenantStore>
    private var last: TenantStore?
    /// Whether the answer is the tenant's, header included.
    private let isOneTenants: Bool
    private let complete: @Sendable (ServerCall, Result<FramedMessage, Failure>) -> Void

    init(
        _ server: EtcdServer,
        _ read: RawRead,
        _ tenants: [TenantStore],
        isOneTenants: Bool,
        _ complete: @escaping @Sendable (ServerCall, Result<FramedMessage, Failure>) -> Void
    ) {
        self.server = server
        self.read = read
        self.tenants = tenants[...]
        self.isOneTenants = isOneTenants
        self.complete = complete
    }

    /// Reads the next tenant, or ends. Called on the call's loop.
    func goOn(_ call: ServerCall) {
        guard call.isOpen else { return }
        var next = self
        guard let tenant = next.tenants.popFirst() else {
            return self.complete(call, .success(self.answer))
        }
        next.last = tenant
        let reading = next
        guard self.server.isShared, !self.read.isSerializable else {
            return reading.add(tenant, call)
        }
        self.server.whenCurrent(tenant, call) { reading.add(tenant, call) }
    }

    /// Reads a tenant on a reader thread, then goes on.
    private func add(_ tenant: TenantStore, _ call: ServerCall) {
        let reading = self
        let bound = LoopBound(call, loop: call.loop)
        let isQueued = self.server.store.readers.submit(for: tenant) { opened in
            var after = reading
            var failure: Failure?
            do {
                let loader = ReaderLoader(
                    reader: try opened.get(),
                    cache: reading.server.store.cache
                )
                let pinned = tenant.pinnedSnapshot()
                try after.read.add(pinned.state, under: tenant.definition.prefix, loader)
                withExtendedLifetime(pinned) {}
            } catch {
                failure = Failure(error)
            }
            bound.loop.execute { [after, failure] in
                if let failure {
                    after.complete(bound.value, .failure(failure))
                } else {
                    after.goOn(bound.value)
                }
            }
        }
        if !isQueued { call.fail(Status(EtcdError.tooManyRequests)) }
    }

    private var answer: FramedMessage {
        let result = self.read.result()
        var header = EtcdServer.rawHeader
        if self.isOneTenants, let last {
            header = self.server.header(last, at: result.headerRevision)
        }
        return FramedMessage(
            reserved: result.encoded(header, reservingPrefix: FramedMessage.prefixLength)
        )
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
