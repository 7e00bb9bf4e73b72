import GRPC
import NIOCore
import NIOHTTP1

/// Gathers HTTP/1 requests and writes their answers, one at a time.
///
/// Confined to its loop.
final class HTTP1Exchange: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let loop: LoopContext
    private let peer: Peer
    private var head: HTTPRequestHead?
    private var body: [UInt8] = []
    private var isTooLarge = false

    init(_ loop: LoopContext, _ peer: Peer) {
        self.loop = loop
        self.peer = peer
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch self.unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
            self.body = []
            self.isTooLarge = false
        case .body(let piece):
            let limit = self.loop.server.configuration.limits.http1BodyBytesMax
            guard !self.isTooLarge, self.body.count + piece.readableBytes <= limit else {
                self.isTooLarge = true
                self.body = []
                return
            }
            self.body.append(contentsOf: piece.readableBytesView)
        case .end:
            self.respond(context)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // Not HTTP: the peer has been told with a 400.
        context.close(promise: nil)
    }

    private func respond(_ context: ChannelHandlerContext) {
        guard let head = self.head else { return }
        self.head = nil
        let isHead = head.method == .HEAD
        let keepsAlive = head.isKeepAlive && !self.isTooLarge
        guard !self.isTooLarge else {
            return self.write(context, HTTPResponse(status: 413), head, keepsAlive, isHead)
        }
        guard let handler = self.loop.server.configuration.http else {
            return self.write(context, HTTPResponse(status: 404), head, keepsAlive, isHead)
        }
        let request = HTTPRequest(
            method: head.method.rawValue,
            target: head.uri,
            headers: head.headers.map { (name: $0.name.lowercased(), value: $0.value) },
            body: self.body,
            peer: self.peer
        )
        self.body = []
        let bound = LoopBound((self, context), loop: self.loop.handle)
        Task {
            let response = await handler.respond(to: request)
            bound.loop.execute {
                let (exchange, context) = bound.value
                guard context.channel.isActive else { return }
                exchange.write(context, response, head, keepsAlive, isHead)
            }
        }
    }

    private func write(
        _ context: ChannelHandlerContext,
        _ response: HTTPResponse,
        _ request: HTTPRequestHead,
        _ keepsAlive: Bool,
        _ isHead: Bool
    ) {
        var head = HTTPResponseHead(
            version: request.version,
            status: HTTPResponseStatus(statusCode: response.status)
        )
        for field in response.headers {
            head.headers.add(name: field.name, value: field.value)
        }
        head.headers.replaceOrAdd(name: "content-length", value: String(response.body.count))
        if !keepsAlive {
            head.headers.replaceOrAdd(name: "connection", value: "close")
        }
        context.write(self.wrapOutboundOut(.head(head)), promise: nil)
        if !isHead, !response.body.isEmpty {
            let body = context.channel.allocator.buffer(bytes: response.body)
            self.loop.counters.add(body.readableBytes, to: .bytesOut)
            context.write(self.wrapOutboundOut(.body(.byteBuffer(body))), promise: nil)
        }
        let promise = keepsAlive ? nil : context.eventLoop.makePromise(of: Void.self)
        if let promise {
            let channel = context.channel
            promise.futureResult.whenComplete { _ in channel.close(promise: nil) }
        }
        context.writeAndFlush(self.wrapOutboundOut(.end(nil)), promise: promise)
    }
}
