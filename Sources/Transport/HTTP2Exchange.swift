import GRPC
import HTTP2

/// A request that is not gRPC, on an HTTP/2 stream.
///
/// Confined to its connection's loop.
final class HTTP2Exchange {
    let stream: StreamRef
    /// The request, with its body once the client has sent it all.
    private(set) var request: HTTPRequest
    /// Whether the body passed its limit; what came after it is not kept.
    private(set) var isTooLarge = false
    private var response: [UInt8] = []
    private var position = 0

    init(_ stream: StreamRef, _ buffers: SessionBuffers, _ fields: Range<Int>, peer: Peer) {
        self.stream = stream
        var method = ""
        var target = ""
        var headers: [(name: String, value: String)] = []
        for index in fields {
            let field = buffers.fields[index]
            let value = String(decoding: field.value, as: UTF8.self)
            switch field.name {
            case .method: method = value
            case .path: target = value
            case .authority: headers.append((name: "host", value: value))
            case .other:
                let name = String(decoding: field.nameBytes, as: UTF8.self)
                headers.append((name: name, value: value))
            default:
                guard let name = field.name.text.map({ "\($0)" }), !name.hasPrefix(":") else {
                    continue
                }
                headers.append((name: name, value: value))
            }
        }
        self.request = HTTPRequest(
            method: method,
            target: target,
            headers: headers,
            body: [],
            peer: peer
        )
    }

    func append(_ piece: UnsafeRawBufferPointer, limit: Int) {
        guard !self.isTooLarge else { return }
        guard self.request.body.count + piece.count <= limit else {
            self.isTooLarge = true
            self.request.body = []
            return
        }
        self.request.body.append(contentsOf: piece)
    }

    func setBody(_ body: [UInt8]) {
        self.response = self.request.method == "HEAD" ? [] : body
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) -> BodyRead {
        let count = min(buffer.count, self.response.count - self.position)
        buffer.copyBytes(from: self.response[self.position..<self.position + count])
        self.position += count
        return self.position == self.response.count ? .last(count, trailers: nil) : .bytes(count)
    }
}
