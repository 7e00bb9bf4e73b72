import GRPC
import HTTP2
import Logging
import NIOCore
import NIOHTTP1
import TLS

/// One accepted connection: finds out what it speaks and hands its bytes on.
///
/// Confined to its loop.
///
///     socket ── secure layer, if any ── Connection ─┬─ HTTP2Connection
///                                                   └─ NIO's HTTP/1 handlers ── HTTP1Exchange
final class Connection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum Stage {
        /// The secure layer shakes hands.
        case securing
        /// The first bytes are not enough to tell.
        case telling(ByteBuffer?)
        case http2(HTTP2Connection)
        case http1
        /// This side has said that it sends no more, before anything was asked.
        case finished
        case closed
    }

    /// What an HTTP/2 client sends first.
    ///
    /// Source: <https://www.rfc-editor.org/rfc/rfc9113#section-3.4>
    private static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    private let loop: LoopContext
    private let listener: Listener
    private let secureLayer: TLSHandler?
    @exclusivity(unchecked) private var stage: Stage
    @exclusivity(unchecked) private var peer: Peer
    @exclusivity(unchecked) private var context: ChannelHandlerContext?
    @exclusivity(unchecked) private var sawActivity: UInt64
    /// When it was seen that the client's certificate is revoked.
    @exclusivity(unchecked) private var revokedAt: UInt64?
    /// When a connection that had not asked anything yet was told to end.
    @exclusivity(unchecked) private var endingSince: UInt64?

    init(
        _ loop: LoopContext,
        _ listener: Listener,
        _ secureLayer: TLSHandler?,
        remoteAddress: String
    ) {
        self.loop = loop
        self.listener = listener
        self.secureLayer = secureLayer
        self.stage = listener.security == nil ? .telling(nil) : .securing
        self.peer = Peer(listener: listener.name, remoteAddress: remoteAddress)
        self.sawActivity = loop.now
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        self.loop.add(self)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.close()
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.close()
        context.fireChannelInactive()
    }

    private func close() {
        let stage = self.stage
        self.stage = .closed
        self.context = nil
        self.loop.remove(self)
        if case .http2(let connection) = stage {
            connection.channelClosed()
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .established(let tls)? = event as? SecureLayerEvent {
            self.peer = Peer(
                listener: self.peer.listener,
                remoteAddress: self.peer.remoteAddress,
                tls: tls
            )
            if case .securing = self.stage {
                self.stage = .telling(nil)
                if self.endingSince != nil { self.finish() }
            }
            // While hands were shaken the lists may have changed, and others been looked at by them.
            if let security = self.listener.security, security.hasRevocationLists {
                self.endIfRevoked(by: security.context(at: .now), now: self.loop.now)
            }
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let input = self.unwrapInboundIn(data)
        self.sawActivity = self.loop.now
        self.loop.received(at: self.sawActivity)
        self.loop.counters.add(input.readableBytes, to: .bytesIn)
        switch self.stage {
        case .http2(let connection):
            connection.receive(input, now: self.sawActivity)
            self.loop.giveBack(input)
        case .http1:
            context.fireChannelRead(data)
        case .telling(let begun):
            self.tell(context, input, begun)
        case .securing:
            preconditionFailure("a secure layer says that it is established before it passes bytes")
        case .finished, .closed:
            self.loop.giveBack(input)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if case .http2(let connection) = self.stage {
            connection.flush()
            self.loop.settled()
        } else {
            context.fireChannelReadComplete()
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if case .http2(let connection) = self.stage {
            if context.channel.isWritable { connection.flush() }
        } else {
            context.fireChannelWritabilityChanged()
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // The socket or the secure layer failed. There is nobody to tell, and nothing to save.
        context.close(promise: nil)
    }

    /// Compares the first bytes with HTTP/2's preface.
    private func tell(_ context: ChannelHandlerContext, _ input: ByteBuffer, _ begun: ByteBuffer?) {
        var bytes = begun ?? ByteBuffer()
        bytes.writeImmutableBuffer(input)
        self.loop.giveBack(input)
        let view = bytes.readableBytesView
        guard view.prefix(Self.preface.count).elementsEqual(Self.preface.prefix(view.count)) else {
            self.startHTTP1(context)
            return context.fireChannelRead(NIOAny(bytes))
        }
        guard view.count >= Self.preface.count else {
            self.stage = .telling(bytes)
            return
        }
        let connection = HTTP2Connection(
            self.loop,
            peer: self.peer,
            servesHTTP: self.listener.security != nil,
            context: context
        )
        self.stage = .http2(connection)
        if self.loop.server.isStopping { connection.stop(now: self.sawActivity) }
        connection.receive(bytes, now: self.sawActivity)
    }

    private func startHTTP1(_ context: ChannelHandlerContext) {
        self.stage = .http1
        let operations = context.channel.pipeline.syncOperations
        do {
            try operations.configureHTTPServerPipeline(withErrorHandling: true)
            try operations.addHandler(HTTP1Exchange(self.loop, self.peer))
        } catch {
            context.close(promise: nil)
        }
    }

    // MARK: From the loop

    /// Closes the connection if its time is up.
    func checkTimeouts(now: UInt64) {
        let limits = self.loop.server.configuration.limits
        if let revokedAt, .nanoseconds(Int64(now - revokedAt)) > limits.revokedGrace {
            return self.abort()
        }
        if let endingSince, .nanoseconds(Int64(now - endingSince)) > Limits.linger {
            return self.abort()
        }
        let silence = Duration.nanoseconds(Int64(now - min(now, self.sawActivity)))
        switch self.stage {
        case .securing, .telling:
            if silence > limits.handshake { self.context?.close(promise: nil) }
        case .http1:
            if silence > limits.http1Idle { self.context?.close(promise: nil) }
        case .http2(let connection):
            connection.checkTimeouts(now: now)
        case .finished, .closed:
            break
        }
    }

    /// Ends the streams whose client may no longer have them.
    func review(_ review: any CallReview) {
        if case .http2(let connection) = self.stage { connection.review(review) }
    }

    /// Ends the connection gracefully if its listener has lists by now that revoke the client's
    /// certificate.
    func endIfRevoked(by contexts: [ObjectIdentifier: TLS.Context], now: UInt64) {
        guard let security = self.listener.security,
            let context = contexts[ObjectIdentifier(security)]
        else { return }
        self.endIfRevoked(by: context, now: now)
    }

    private func endIfRevoked(by context: TLS.Context, now: UInt64) {
        guard self.revokedAt == nil, self.secureLayer?.isRevoked(by: context) == true else {
            return
        }
        self.revokedAt = now
        self.loop.server.configuration.logger.info(
            "a client's certificate was revoked; its connection ends",
            metadata: ["remote": "\(self.peer.remoteAddress)"]
        )
        self.stop(now: now)
    }

    /// Starts to end the connection gracefully.
    func stop(now: UInt64) {
        switch self.stage {
        case .securing:
            // Hands are shaken to the end: only then there is a goodbye to say.
            self.endingSince = self.endingSince ?? now
        case .telling:
            self.endingSince = now
            self.finish()
        case .http1:
            self.context?.pipeline.fireUserInboundEventTriggered(
                ChannelShouldQuiesceEvent()
            )
        case .http2(let connection):
            connection.stop(now: now)
        case .finished, .closed:
            break
        }
    }

    /// Says that no more will come, and ignores what does until the peer hangs up or has lingered.
    ///
    /// To close a socket with unread bytes is to reset it, and the peer might never read the goodbye.
    private func finish() {
        self.stage = .finished
        self.context?.close(mode: .output, promise: nil)
    }

    /// Ends the connection at once.
    func abort() {
        self.context?.close(promise: nil)
    }
}
