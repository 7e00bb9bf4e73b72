import ByreAPI
import ByreCore
import Engine
import GRPC
import SwiftProtobuf

/// `TenantService/Import`: fills a tenant from an archive.
///
/// ```
/// start ──► created or suspended ──► begun ──► frames ... ──► end ──► active
///                 └──────── any failure, or the client goes ──┴──► given up, cleared
/// ```
///
/// Frames are answered one by one, when they are durable: that bounds what is on the way.
final class ImportHandler: StreamHandler {
    /// Frames that may be unanswered.
    static let window = 4

    private enum Stage {
        case waiting, preparing, taking, finishing, over
    }

    private let server: AdminServer
    private let call: ServerCall
    private var stage = Stage.waiting
    private var session: TenantImport?
    private var order = ArchiveOrder()
    private var unanswered = 0

    init(_ server: AdminServer, _ call: ServerCall) {
        self.server = server
        self.call = call
    }

    func received(_ message: RawSpan) {
        guard self.call.isOpen,
            let request = self.server.decode(message, self.call, as: ByreImportRequest.self)
        else { return self.giveUp() }
        do throws(Status) {
            switch (request.step, self.stage) {
            case (.start(let start), .waiting): try self.prepare(start.tenant)
            case (.frame(let frame), .taking): try self.take(frame)
            case (.start, _): throw Status(.invalidArgument, "an import begins once")
            case (.frame, _):
                throw Status(.invalidArgument, "a frame comes before the import is ready")
            case (nil, _): throw Status(.invalidArgument, "step: is not set")
            }
        } catch {
            self.fail(error)
        }
    }

    func halfClosed() {
        guard self.stage != .finishing, self.stage != .over else { return }
        self.fail(Status(.invalidArgument, "the archive is cut: its end is missing"))
    }

    func ended(_ reason: Status) {
        self.giveUp()
    }

    func drained() {}

    private func fail(_ status: Status) {
        self.giveUp()
        self.call.finish(status)
    }

    /// Has the engine clear what there is of the import.
    private func giveUp() {
        self.stage = .over
        guard let session else { return }
        self.session = nil
        do throws(ImportError) {
            try self.server.store.submit(.abandon, of: session, reply: nil)
        } catch {
            // The server stops, and clears it when it starts again; or the queue is full.
            self.retryAbandoning(session)
        }
    }

    private func retryAbandoning(_ session: TenantImport) {
        let store = self.server.store
        self.call.loop.schedule(after: .seconds(1)) {
            try? store.submit(.abandon, of: session, reply: nil)
        }
    }

    // MARK: The tenant

    /// Creates the tenant, suspended, or takes one that holds nothing.
    private func prepare(_ request: ByreCreateRequest) throws(Status) {
        self.stage = .preparing
        guard let tenant = self.server.store.directory[name: request.name] else {
            var definition = try self.server.definition(request)
            try self.server.checkAdministrators(definition)
            definition.lifecycle = .suspended
            try self.submit(.create(definition))
            return
        }
        var definition = tenant.definition
        try AdminServer.checkNotDeleting(definition)
        if !request.uid.isEmpty, request.uid != definition.uid {
            throw Status(.alreadyExists, "tenant \(definition.name) is there with another uid")
        }
        let state = tenant.snapshot.state
        guard state.isPristine else {
            throw Status(
                .failedPrecondition,
                "tenant \(definition.name) holds data already, at revision \(state.revision); "
                    + "delete it first, or import under another name"
            )
        }
        guard definition.lifecycle == .active else {
            try self.begin(tenant)
            return
        }
        definition.lifecycle = .suspended
        try self.submit(.replace(tenant.id, definition, ifGeneration: definition.generation))
    }

    private func submit(_ change: TenantChange) throws(Status) {
        let handler = LoopBound(self, loop: self.call.loop)
        let reply = ChangeReply(on: self.call.loop) { handler.value.prepared($0) }
        do throws(TenantChangeError) {
            try self.server.store.submit(change, reply: reply)
        } catch {
            throw Status(error)
        }
    }

    private func prepared(_ result: Result<TenantStore, TenantChangeError>) {
        guard self.stage == .preparing else { return }
        do throws(Status) {
            switch result {
            case .failure(let error): throw Status(error)
            case .success(let tenant): try self.begin(tenant)
            }
        } catch {
            self.fail(error)
        }
    }

    private func begin(_ tenant: TenantStore) throws(Status) {
        let session = TenantImport(into: tenant)
        self.session = session
        try self.submit(.begin, of: session) { handler, tenant in
            handler.stage = .taking
            handler.server.log("is being imported", tenant.definition, handler.call)
            handler.send(.with { $0.ready.window = Int32(Self.window) })
        }
    }

    // MARK: The archive

    private func take(_ frame: ByreArchiveFrame) throws(Status) {
        guard let session else { throw Status(.internal, "the import has no session") }
        guard self.unanswered < Self.window else {
            throw Status(.resourceExhausted, "more than \(Self.window) frames are unanswered")
        }
        do throws(ArchiveError) {
            try self.order.take(frame)
        } catch {
            throw Status(.invalidArgument, "the archive \(error)")
        }
        self.unanswered += 1
        switch frame.content {
        case .header, nil: self.answer()
        case .leases(let message):
            let leases = message.leases.map {
                LeaseRecord(id: LeaseID(rawValue: $0.id), ttlSeconds: $0.ttlSeconds)
            }
            try self.submit(.leases(leases), of: session) { handler, _ in handler.answer() }
        case .keys(let message):
            let keys = message.keys.map(ImportedKey.init)
            try self.submit(.keys(keys), of: session) { handler, _ in handler.answer() }
        case .end:
            self.stage = .finishing
            let revision = self.order.header?.revision ?? 1
            try self.submit(.finish(revision: revision), of: session) { handler, tenant in
                handler.finished(tenant)
            }
        }
    }

    private func submit(
        _ step: ImportStep,
        of session: TenantImport,
        _ done: @escaping @Sendable (ImportHandler, TenantStore) -> Void
    ) throws(Status) {
        let handler = LoopBound(self, loop: self.call.loop)
        let reply = StepReply(on: self.call.loop) { result in
            let handler = handler.value
            guard handler.stage != .over else { return }
            switch result {
            case .success(let tenant): done(handler, tenant)
            case .failure(let error):
                // The engine has given the import up.
                handler.session = nil
                handler.fail(Status(error))
            }
        }
        do throws(ImportError) {
            try self.server.store.submit(step, of: session, reply: reply)
        } catch {
            throw Status(error)
        }
    }

    private func answer() {
        self.unanswered -= 1
        self.send(
            .with {
                $0.progress.keys = self.order.keys
                $0.progress.bytes = self.order.bytes
            }
        )
    }

    private func finished(_ tenant: TenantStore) {
        self.stage = .over
        self.session = nil
        self.server.log("imported", tenant.definition, self.call)
        self.send(
            .with { response in
                response.done.tenant = ByreTenant(tenant)
                response.done.keys = self.order.keys
                response.done.leases = self.order.leases
                response.done.bytes = self.order.bytes
            }
        )
        self.call.finish(.ok)
    }

    private func send(_ response: ByreImportResponse) {
        self.call.send(FramedMessage(response))
    }
}

extension ImportedKey {
    init(_ key: ByreArchiveKey) {
        self.init(
            key: Bytes(key.key),
            value: Bytes(key.value),
            modRevision: key.modRevision,
            sub: key.sub,
            createRevision: key.createRevision,
            version: key.version,
            lease: LeaseID(rawValue: key.lease)
        )
    }
}
