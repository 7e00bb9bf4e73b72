import GRPC
import Logging
import NIOCore
import TLS

/// The secure layer of one connection: ciphertext towards the socket, plaintext towards HTTP.
///
/// Confined to its loop, whose buffers it uses: an idle connection keeps none. How long a handshake
/// may take is ``Connection``'s business.
final class TLSHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Ciphertext that may wait for a peer which makes TLS answer, by asking for new keys, and does
    /// not read the answers.
    ///
    /// At the bound the connection is closed.
    private static let unreadAnswerBytesMax = 16 << 10

    private let loop: LoopContext
    private let remoteAddress: String
    private let connection: TLS.Connection
    /// Whether the handshake has ended well, some time.
    private var isOpen = false
    private var unreadAnswerBytes = 0

    init(
        _ loop: LoopContext,
        _ security: ReloadingContext,
        remoteAddress: String
    ) throws(TLSError) {
        self.loop = loop
        self.remoteAddress = remoteAddress
        self.connection = try TLS.Connection(
            server: security.context(at: .now),
            output: loop.secure.ciphertext
        )
    }

    /// Whether the client's certificate is revoked, by the lists as they are now.
    func isRevoked(by context: TLS.Context) -> Bool {
        self.connection.isRevoked(by: context)
    }

    // MARK: Input

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let input = self.unwrapInboundIn(data)
        let plaintext = self.loop.secure.plaintext
        let progress: TLS.Connection.Progress
        do throws(TLSError) {
            progress = try self.connection.receive(input.readableBytesSpan, into: plaintext)
        } catch {
            self.loop.giveBack(input)
            plaintext.clear()
            return self.fail(context, error)
        }
        self.loop.giveBack(input)
        self.sendAnswers(context)
        if progress.opened {
            self.isOpen = true
            context.fireUserInboundEventTriggered(
                SecureLayerEvent.established(Peer.TLS(self.connection))
            )
        }
        if plaintext.count > 0 {
            // Taken out, because what the bytes set off may need the sink again.
            let bytes = plaintext.take()
            context.fireChannelRead(self.wrapInboundOut(bytes))
            plaintext.giveBack(bytes)
        }
        if progress.peerClosed {
            self.close(context: context, mode: .all, promise: nil)
        }
    }

    /// Writes what TLS itself has to say: handshake, alerts, keys.
    private func sendAnswers(_ context: ChannelHandlerContext) {
        let ciphertext = self.loop.secure.ciphertext
        let count = ciphertext.count
        guard count > 0 else { return }
        self.unreadAnswerBytes = context.channel.isWritable ? 0 : self.unreadAnswerBytes + count
        let bytes = ciphertext.take()
        context.writeAndFlush(self.wrapOutboundOut(bytes), promise: nil)
        ciphertext.giveBack(bytes)
        if self.unreadAnswerBytes > Self.unreadAnswerBytesMax {
            context.close(promise: nil)
        }
    }

    private func fail(_ context: ChannelHandlerContext, _ error: TLSError) {
        self.loop.server.configuration.logger.info(
            "TLS connection failed",
            metadata: ["remote": "\(self.remoteAddress)", "error": "\(error)"]
        )
        self.sendAnswers(context)
        if self.isOpen {
            context.close(promise: nil)
        } else {
            // To close a socket with unread bytes is to reset it, and the peer might never read the
            // alert that says what is wrong. So only our direction ends here; the rest is ignored
            // until the peer closes or the time for the handshake is over.
            context.close(mode: .output, promise: nil)
        }
    }

    // MARK: Output

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let plaintext = self.unwrapOutboundIn(data)
        guard plaintext.readableBytes > 0 else {
            return context.write(data, promise: promise)
        }
        do throws(TLSError) {
            try self.connection.send(plaintext.readableBytesSpan)
        } catch {
            self.loop.secure.ciphertext.clear()
            promise?.fail(error)
            // After our own goodbye there may be late writes; anything else is a broken connection.
            if error != .closed { self.fail(context, error) }
            return
        }
        let ciphertext = self.loop.secure.ciphertext
        let bytes = ciphertext.take()
        context.write(self.wrapOutboundOut(bytes), promise: promise)
        ciphertext.giveBack(bytes)
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        if mode != .input {
            self.connection.close()
            self.sendAnswers(context)
        }
        context.close(mode: mode, promise: promise)
    }
}

/// The buffers that the TLS connections of one loop use in turn.
final class TLSBuffers {
    /// What was decrypted of the bytes just read.
    let plaintext = TLSBuffer()
    /// What was encrypted and not handed to the socket yet.
    let ciphertext = TLSBuffer()
}

/// A buffer of SwiftNIO's that TLS writes into.
final class TLSBuffer: ByteSink {
    @exclusivity(unchecked) private var buffer = ByteBuffer()
    /// Whether `buffer` holds bytes that are somebody else's by now.
    @exclusivity(unchecked) private var isSpent = false

    /// How many bytes there are to take.
    var count: Int { self.isSpent ? 0 : self.buffer.readableBytes }

    func append(capacity: Int, _ body: (inout OutputRawSpan) -> Void) {
        if self.isSpent {
            // Uses the same memory again, unless the socket was not ready and keeps it.
            self.buffer.clear(minimumCapacity: capacity)
            self.isSpent = false
        }
        self.buffer.writeWithOutputRawSpan(
            minimumWritableBytes: capacity,
            initializingWith: body
        )
    }

    /// Takes the bytes out and leaves nothing.
    func take() -> ByteBuffer {
        guard !self.isSpent else { return ByteBuffer() }
        var taken = ByteBuffer()
        swap(&taken, &self.buffer)
        return taken
    }

    /// Returns the memory of bytes that were taken.
    func giveBack(_ taken: ByteBuffer) {
        self.buffer = taken
        self.isSpent = true
    }

    /// Forgets the bytes.
    func clear() {
        self.isSpent = true
    }
}

extension Peer.TLS {
    /// What a handshake established.
    init(_ connection: TLS.Connection) {
        let certificate = connection.peerCertificate
        self.init(
            certificate: certificate?.der,
            commonName: certificate?.commonName,
            dnsNames: certificate?.dnsNames ?? [],
            uris: certificate?.uris ?? [],
            authorities: certificate?.authorities.map {
                Authority(subject: $0.subject, keyDigest: $0.keyDigest)
            } ?? [],
            serverName: connection.serverName
        )
    }
}
