import SwiftProtobuf
import ByreAPI

/// The sending side of an import: frames go out as the server takes them.
final class ArchiveUpload {
    private let stream: RemoteStream
    private let request: ByreCreateRequest
    private var progress: ProgressLine
    private var order = ArchiveOrder()
    /// Frames that may be unanswered.
    private var window = 1
    private var unanswered = 0
    private var done: ByreImportDone?

    init(
        to server: RemoteServer,
        as request: ByreCreateRequest,
        progress: ProgressLine
    ) throws(CommandFailure) {
        self.stream = try RemoteStream(server, TenantCommand.service + "Import")
        self.request = request
        self.progress = progress
    }

    /// Has the server make the tenant ready.
    func begin() throws(CommandFailure) {
        self.stream.send(ByreImportRequest.with { $0.start.tenant = self.request })
        try self.receive()
    }

    /// Sends a frame, once the server has room for it.
    func send(_ frame: ByreArchiveFrame) throws(CommandFailure) {
        do throws(ArchiveError) {
            try self.order.take(frame)
        } catch {
            throw CommandFailure("the archive \(error)")
        }
        while self.unanswered >= self.window { try self.receive() }
        self.stream.send(
            ByreImportRequest.with { $0.frame = frame },
            isLast: self.order.hasEnded
        )
        self.unanswered += 1
    }

    /// Waits until the server has all of it.
    func finish() throws(CommandFailure) -> ByreImportDone {
        while self.done == nil { try self.receive() }
        try self.stream.finish()
        self.progress.end(TenantCommand.describe("imported", self.order))
        guard let done else { throw CommandFailure("the server says nothing of the import") }
        return done
    }

    private func receive() throws(CommandFailure) {
        let response: ByreImportResponse? = try self.stream.next()
        switch response?.step {
        case .ready(let ready): self.window = max(1, Int(ready.window))
        case .progress:
            self.unanswered -= 1
            self.progress.show(TenantCommand.describe("imported", self.order))
        case .done(let done): self.done = done
        case nil: throw CommandFailure("the server ended the import too early")
        }
    }
}
