import ByreAPI
import ByreCore
import Engine
import GRPC

/// `TenantService/Export`: reads a tenant as it was at one revision, frame by frame as the client
/// takes them.
final class ExportHandler: StreamHandler {
    /// How long a client may take nothing before it is given up: what it is to read is kept for it.
    static let patience = Duration.seconds(60)

    private let server: AdminServer
    private let call: ServerCall
    private var cursor: ExportCursor?
    private var isLoading = false
    private var hasStarted = false
    /// Counts frames, so that a client that takes none is noticed.
    private var sentFrames = 0

    init(_ server: AdminServer, _ call: ServerCall) {
        self.server = server
        self.call = call
    }

    func received(_ message: RawSpan) {
        guard !self.hasStarted else { return }
        self.hasStarted = true
        guard let request = self.server.decode(message, self.call, as: ByreExportRequest.self)
        else { return }
        do throws(Status) {
            let tenant = try self.server.findPresent(request.tenant)
            try AdminServer.checkNotDeleting(tenant.definition)
            guard request.revision >= 0 else {
                throw Status(.invalidArgument, "revision: \(request.revision) is negative")
            }
            self.cursor = try ExportCursor(
                tenant,
                at: request.revision,
                program: self.server.program,
                now: self.server.wallClock.seconds()
            )
            self.server.log("is being exported", tenant.definition, self.call)
        } catch {
            self.call.finish(error)
            return
        }
        self.watchClient()
        self.proceed()
    }

    func halfClosed() {
        guard !self.hasStarted else { return }
        self.call.finish(Status(.invalidArgument, "nothing was asked for"))
    }

    func ended(_ reason: Status) {
        self.cursor = nil
    }

    func drained() {
        self.proceed()
    }

    /// Makes the next frame on a reader thread, if there is room for it.
    private func proceed() {
        guard self.call.isOpen, !self.isLoading,
            self.call.bufferedBytes < ServerCall.lowWaterMarkBytes, let cursor = self.cursor
        else { return }
        self.isLoading = true
        let handler = LoopBound(self, loop: self.call.loop)
        let isQueued = self.server.store.readers.submit(
            for: cursor.tenant,
            bytes: ExportCursor.frameBytes
        ) { opened in
            var next = cursor
            let result: Result<ExportCursor.Step, BackendError>
            switch opened {
            case .failure(let error): result = .failure(error)
            case .success(let reader):
                do throws(BackendError) {
                    result = .success(try next.next(reader))
                } catch {
                    result = .failure(error)
                }
            }
            handler.loop.execute { [next] in handler.value.loaded(result, next) }
        }
        if !isQueued { self.call.finish(Status(.unavailable, "too many reads wait")) }
    }

    private func loaded(_ result: Result<ExportCursor.Step, BackendError>, _ next: ExportCursor) {
        self.isLoading = false
        guard self.call.isOpen else { return }
        switch result {
        case .failure(let error):
            self.cursor = nil
            self.call.finish(Status(error))
        case .success(let step):
            self.sentFrames += 1
            self.cursor = step.isLast ? nil : next
            self.call.send(step.frame)
            if step.isLast {
                self.call.finish(.ok)
            } else {
                self.proceed()
            }
        }
    }

    /// Gives up a client that takes nothing.
    private func watchClient() {
        let seen = self.sentFrames
        let handler = LoopBound(WeakExport(self), loop: self.call.loop)
        self.call.loop.schedule(after: Self.patience) {
            guard let export = handler.value.handler, export.call.isOpen, export.cursor != nil
            else { return }
            if export.sentFrames == seen, !export.isLoading {
                export.cursor = nil
                export.call.finish(Status(.deadlineExceeded, "the archive is not being taken"))
            } else {
                export.watchClient()
            }
        }
    }
}

/// Does not keep an export that is over.
private final class WeakExport {
    weak var handler: ExportHandler?

    init(_ handler: ExportHandler) {
        self.handler = handler
    }
}
