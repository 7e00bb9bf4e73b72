package import GRPC
package import HTTP2

/// One call of a ``Client``, and what has come back so far.
package final class ClientCall {
    package let stream: StreamRef
    /// Messages of the response, in order.
    package private(set) var messages: [[UInt8]] = []
    /// Bytes of the response's body.
    package private(set) var bodyCount = 0
    /// Values of `:status`, headers and trailers, the last of each name.
    package private(set) var fields: [String: String] = [:]
    /// Header blocks that have come: headers and trailers, or one that is both.
    package private(set) var blockCount = 0
    /// The code of RST_STREAM, or of the stream's end.
    package private(set) var closeCode: ErrorCode?
    /// Whether the connection went away under the call.
    package private(set) var isLost = false
    /// The server sends no more.
    package internal(set) var hasEnded = false
    /// Keeps the credit of what arrives, so that the server's windows close.
    package var holdsCredit = false
    /// Counts the body and keeps no message.
    package var dropsMessages = false
    /// Keeps the body as it comes, for ``takeBody()``, instead of gRPC's messages.
    package var isPlain = false

    var hasSentAll = false
    private var outgoing: [UInt8] = []
    /// Bytes of `outgoing` that have left.
    private var outgoingOffset = 0
    private var deframer = MessageDeframer()
    private var body: [UInt8] = []

    init(_ stream: StreamRef) {
        self.stream = stream
    }

    /// Nothing more will come.
    package var isOver: Bool { self.hasEnded || self.closeCode != nil || self.isLost }

    /// The outcome as the server gave it; nil before that.
    package var status: Status? {
        guard let text = self.fields["grpc-status"], let number = Int(text),
            let code = Status.Code(rawValue: number)
        else { return nil }
        return Status(code, PercentEncoding.decode((self.fields["grpc-message"] ?? "").utf8))
    }

    /// Takes the messages that have come since the last time.
    package func takeMessages() -> [[UInt8]] {
        let taken = self.messages
        self.messages = []
        return taken
    }

    /// How many bytes of a plain body have come since ``takeBody()``.
    package var bodyAtHand: Int { self.body.count }

    /// Takes what has come of a plain body since the last time.
    package func takeBody() -> [UInt8] {
        let taken = self.body
        self.body = []
        return taken
    }

    /// Whether some of what was queued has not left.
    package var hasOutgoing: Bool { self.outgoingOffset < self.outgoing.count }

    func queue(_ bytes: [UInt8]) {
        if !self.hasOutgoing {
            self.outgoing = bytes
            self.outgoingOffset = 0
        } else {
            self.outgoing += bytes
        }
    }

    func takeOutgoing(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        let count = min(buffer.count, self.outgoing.count - self.outgoingOffset)
        buffer.copyBytes(from: self.outgoing[self.outgoingOffset..<self.outgoingOffset + count])
        self.outgoingOffset += count
        return count
    }

    func receivedHeaders(_ buffers: SessionBuffers, _ range: Range<Int>) {
        self.blockCount += 1
        for field in buffers.fields[range] {
            let value = String(decoding: field.value, as: UTF8.self)
            if let name = field.name.text {
                self.fields["\(name)"] = value
            } else {
                let name = String(decoding: field.nameBytes, as: UTF8.self)
                self.fields[name] = value
            }
        }
    }

    func receivedBody(_ piece: UnsafeRawBufferPointer) {
        self.bodyCount += piece.count
        guard !self.dropsMessages else { return }
        guard !self.isPlain else {
            self.body += piece
            return
        }
        var rest = piece
        while true {
            switch self.deframer.next(from: &rest, limit: .max) {
            case .message(let bytes): self.messages.append(Array(bytes))
            case .gathered(let bytes): self.messages.append(bytes)
            case .needsMore, .flagged, .tooLarge: return
            }
        }
    }

    func closed(_ code: ErrorCode) {
        self.closeCode = code
    }

    func connectionLost() {
        self.isLost = true
    }
}
