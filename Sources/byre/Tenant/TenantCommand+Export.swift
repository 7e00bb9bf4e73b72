import SwiftProtobuf
import ByreAPI
import EtcdAPI
import Glibc

extension TenantCommand {
    private static let outputName = "standard output"

    /// Writes an archive of the tenant to standard output.
    func export() throws(CommandFailure) {
        let output = StandardStream.output.rawValue
        guard isatty(output) == 0 else {
            throw CommandFailure(
                .usage,
                "an archive is not for a terminal: byre tenant export \(self.name) > FILE"
            )
        }
        // A pipe that nobody reads is an error of `write`, which says so.
        signal(SIGPIPE, SIG_IGN)
        let stream = try RemoteStream(try self.connect(), Self.service + "Export")
        let request = ByreExportRequest.with { request in
            request.tenant = self.reference
            request.revision = self.options.revision
        }
        stream.send(request, isLast: true)
        var order = ArchiveOrder()
        var progress = ProgressLine(isWanted: self.options.showsProgress)
        while let message = try stream.nextBytes() {
            if order.header == nil {
                try RawStream.write(ArchiveFile.magic, to: output, of: Self.outputName)
            }
            do throws(ArchiveError) {
                try order.take(try Self.frame(message))
            } catch {
                throw CommandFailure("what the server sends \(error)")
            }
            try RawStream.write(ArchiveFile.framed(message), to: output, of: Self.outputName)
            progress.show(Self.describe("exported", order))
        }
        guard order.hasEnded else {
            throw CommandFailure(.unreachable, "the server ended the archive too early")
        }
        progress.end(Self.describe("exported", order))
    }

    private static func frame(_ message: [UInt8]) throws(ArchiveError) -> ByreArchiveFrame {
        do throws(WireError) {
            return try ByreArchiveFrame(decoding: message.span.bytes)
        } catch {
            throw ArchiveError("holds a frame that is no message")
        }
    }

    /// How far an archive is: `exported 1200 of 5000 keys, 3.40Mi`.
    static func describe(_ verb: String, _ order: ArchiveOrder) -> String {
        let all = order.header.map(\.keys) ?? 0
        let count = all > order.keys ? "\(order.keys) of \(all)" : "\(order.keys)"
        return "\(verb) \(count) keys, \(ByteCount(order.bytes).humanText)B"
    }
}
