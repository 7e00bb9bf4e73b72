package import GRPC
package import Logging
import Glibc
import NIOCore
import NIOPosix
import Synchronization

/// What a server is made of.
package struct ServerConfiguration: Sendable {
    package var listeners: [Listener]
    package var methods: [Method]
    /// Answers what is not gRPC; nil answers 404.
    package var http: (any HTTPHandler)?
    /// Event loops, each a thread; nil for one per core.
    package var loopCount: Int?
    package var limits = Limits()
    package var keepalive = Keepalive()
    /// What ends the streams of a stopping server whose handlers do not end them themselves in
    /// ``StreamHandler/stopping()``.
    package var stopStatus = Status(.unavailable, "transport is closing")
    /// Says which streams must end because something changed; nil for none.
    package var review: (any CallReview)?
    package var logger: Logger

    package init(
        listeners: [Listener],
        methods: [Method],
        http: (any HTTPHandler)? = nil,
        logger: Logger = Logger(label: "byre.transport")
    ) {
        self.listeners = listeners
        self.methods = methods
        self.http = http
        self.logger = logger
    }
}

/// Looks at open streams again when who may have them has changed.
///
/// New calls are the methods' own business.
package protocol CallReview: Sendable {
    /// A number that is another one after each change. Asked by every loop a few times a second.
    var version: Int { get }

    /// Why a stream must end; nil if it may go on. Called on the call's loop.
    func verdict(on call: ServerCall) -> Status?
}

/// A running server: listeners, event loops and their connections.
package final class Server: Sendable {
    private let core: ServerCore
    private let group: MultiThreadedEventLoopGroup
    let loops: [LoopContext]
    private let channels: [any Channel]
    private let sweeps: [RepeatedTask]
    private let hasStopped = Mutex(false)

    /// Where the server listens, in the order of the configuration, with the ports the system chose.
    package let addresses: [Listener.Address]

    /// Binds all listeners and starts to accept.
    package static func start(
        _ configuration: ServerConfiguration
    ) async throws(TransportError) -> Server {
        let core = ServerCore(configuration)
        let group = MultiThreadedEventLoopGroup(
            numberOfThreads: configuration.loopCount ?? System.coreCount
        )
        let loops = group.makeIterator().map { LoopContext(eventLoop: $0, server: core) }
        var channels: [any Channel] = []
        do throws(TransportError) {
            for loop in loops { try await loop.open() }
            for listener in configuration.listeners {
                channels.append(try await Self.bind(listener, core, group, loops))
            }
        } catch {
            for channel in channels {
                try? await channel.close()
            }
            try? await group.shutdownGracefully()
            throw error
        }
        return Server(core, group, loops, channels)
    }

    private init(
        _ core: ServerCore,
        _ group: MultiThreadedEventLoopGroup,
        _ loops: [LoopContext],
        _ channels: [any Channel]
    ) {
        self.core = core
        self.group = group
        self.loops = loops
        self.channels = channels
        self.addresses = zip(core.configuration.listeners, channels).map { listener, channel in
            switch listener.address {
            case .unix: listener.address
            case .tcp(let host, let port):
                .tcp(host: host, port: channel.localAddress?.port ?? port)
            }
        }
        self.sweeps = loops.map { loop in
            let interval = TimeAmount(Limits.sweep)
            return loop.eventLoop.scheduleRepeatedTask(initialDelay: interval, delay: interval) {
                _ in loop.sweep()
            }
        }
    }

    /// What was counted since the start.
    package var counts: ServerCounts {
        ServerCounts(self.loops.map(\.counters), self.core.table)
    }

    /// Connections that are open now.
    package var connectionCount: Int { self.core.connectionCount }

    /// Stops accepting, lets running calls finish and asks streams to end, and closes what is left
    /// after `grace`.
    package func stop(grace: Duration) async {
        let isFirst = self.hasStopped.withLock { hasStopped in
            defer { hasStopped = true }
            return !hasStopped
        }
        guard isFirst else { return }
        self.core.startStopping()
        for channel in self.channels {
            try? await channel.close()
        }
        for loop in self.loops {
            loop.eventLoop.execute {
                for connection in Array(loop.connections.values) { connection.stop(now: loop.now) }
            }
        }
        await self.core.waitUntilEmpty(atMost: grace)
        for loop in self.loops {
            loop.eventLoop.execute {
                for connection in Array(loop.connections.values) { connection.abort() }
            }
        }
        for sweep in self.sweeps { sweep.cancel() }
        for listener in self.core.configuration.listeners {
            if case .unix(let path) = listener.address { SocketFile.remove(path) }
        }
        do {
            try await self.group.shutdownGracefully()
        } catch {
            self.core.configuration.logger.error(
                "event loops did not end",
                metadata: ["error": "\(error)"]
            )
        }
    }

    private static func bind(
        _ listener: Listener,
        _ core: ServerCore,
        _ group: MultiThreadedEventLoopGroup,
        _ loops: [LoopContext]
    ) async throws(TransportError) -> any Channel {
        let contexts = Dictionary(
            uniqueKeysWithValues: loops.map { (ObjectIdentifier($0.eventLoop), $0) }
        )
        let bootstrap = ServerBootstrap(group: group)
            .childChannelInitializer { channel in
                guard let loop = contexts[ObjectIdentifier(channel.eventLoop)] else {
                    preconditionFailure("a channel runs on a loop of its group")
                }
                return channel.eventLoop.makeCompletedFuture {
                    try Self.accept(channel, loop, listener)
                }
            }
        do {
            let socket: BoundSocket =
                if let socket = listener.socket {
                    socket
                } else {
                    try BoundSocket(listener.address, mode: listener.socketMode)
                }
            let descriptor = socket.take()
            let channel = try await bootstrap.withBoundSocket(descriptor).get()
            // SwiftNIO listens with a backlog of its own as it takes the socket; the last call counts.
            guard listen(descriptor, BoundSocket.backlog) == 0 else {
                try await channel.close()
                throw TransportError.cannotListen(
                    listener.address,
                    reason: String(cString: strerror(errno))
                )
            }
            return channel
        } catch let error as TransportError {
            throw error
        } catch let error as IOError where error.errnoCode == BoundSocket.addressInUse {
            throw .addressInUse(listener.address)
        } catch {
            throw .cannotListen(listener.address, reason: "\(error)")
        }
    }

    /// Sets up a connection that was accepted.
    private static func accept(
        _ channel: any Channel,
        _ loop: LoopContext,
        _ listener: Listener
    ) throws {
        guard !loop.server.isStopping else { throw RefusedConnection() }
        guard loop.server.connectionOpened() else {
            loop.counters.add(1, to: .connectionsRefused)
            throw RefusedConnection()
        }
        do {
            try Self.setUp(channel, loop, listener)
        } catch {
            loop.server.connectionClosed()
            throw error
        }
    }

    private static func setUp(
        _ channel: any Channel,
        _ loop: LoopContext,
        _ listener: Listener
    ) throws {
        if let options = channel.syncOptions {
            try options.setOption(.maxMessagesPerRead, value: 1)
            try options.setOption(.recvAllocator, value: SharedInputAllocator(loop: loop))
            // Unwritable means that something waits: at most one write does.
            try options.setOption(.writeBufferWaterMark, value: .init(low: 1, high: 1))
        }
        let remoteAddress = channel.remoteAddress.map(Self.text) ?? "unknown"
        let operations = channel.pipeline.syncOperations
        var secureLayer: TLSHandler?
        if let security = listener.security {
            let handler = try TLSHandler(loop, security, remoteAddress: remoteAddress)
            try operations.addHandler(handler)
            secureLayer = handler
        }
        try operations.addHandler(
            Connection(loop, listener, secureLayer, remoteAddress: remoteAddress)
        )
    }

    /// Makes SwiftNIO close a connection that was just accepted.
    private struct RefusedConnection: Error {}

    private static func text(_ address: SocketAddress) -> String {
        switch address {
        case .v4, .v6:
            let host = address.ipAddress ?? ""
            let port = address.port ?? 0
            return host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unixDomainSocket: return "unix:\(address.pathname ?? "")"
        }
    }
}
