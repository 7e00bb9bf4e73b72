import ByreTestKit
import Glibc
import TLS
import Transport

/// A blocking socket, for what well-behaved clients do not send.
final class TCPSocket {
    /// A call of the operating system that failed.
    struct Failure: Error {
        let call: String
        let code: Int32
    }

    private let descriptor: Int32

    init(to address: Listener.Address) throws {
        guard case .tcp(_, let port) = address else {
            preconditionFailure("raw sockets are used with TCP only")
        }
        self.descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var patience = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(
            self.descriptor,
            SOL_SOCKET,
            SO_RCVTIMEO,
            &patience,
            socklen_t(MemoryLayout<timeval>.size)
        )
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_port = in_port_t(port).bigEndian
        name.sin_addr.s_addr = inet_addr("127.0.0.1")
        let result = withUnsafePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(self.descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw Failure(call: "connect", code: errno) }
    }

    deinit {
        close(self.descriptor)
    }

    func write(_ bytes: [UInt8]) throws {
        var written = 0
        while written < bytes.count {
            let result = bytes.withUnsafeBytes {
                send(
                    self.descriptor,
                    $0.baseAddress.map { $0 + written },
                    bytes.count - written,
                    Int32(MSG_NOSIGNAL)
                )
            }
            guard result > 0 else { throw Failure(call: "send", code: errno) }
            written += result
        }
    }

    /// - Returns: nothing when the peer has closed.
    func read() throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 65_536)
        let count = recv(self.descriptor, &bytes, bytes.count, 0)
        guard count >= 0 else { throw Failure(call: "recv", code: errno) }
        return Array(bytes.prefix(count))
    }

    func readToEnd() throws -> [UInt8] {
        var all: [UInt8] = []
        while case let bytes = try self.read(), !bytes.isEmpty { all += bytes }
        return all
    }
}

/// A blocking client that trusts the test CA.
final class SecureSocket {
    private let socket: TCPSocket
    private let connection: Connection
    private let output = ByteQueue()
    private let input = ByteQueue()

    init(to address: Listener.Address) throws {
        self.socket = try TCPSocket(to: address)
        self.connection = try Connection(
            client: Context(client: ClientSettings(trustedCAFile: PKI.shared.path("ca.crt"))),
            serverName: "localhost",
            output: self.output
        )
    }

    func shakeHands() throws {
        try self.write(self.shakeHandsButForTheLastFlight())
    }

    /// - Returns: the bytes after which the server has shaken hands as well.
    func shakeHandsButForTheLastFlight() throws -> [UInt8] {
        try self.connection.start()
        while self.connection.state == .handshaking {
            try self.socket.write(self.output.take())
            let bytes = try self.socket.read()
            _ = try self.connection.receive(bytes.span.bytes, into: self.input)
        }
        return self.output.take()
    }

    func write(_ ciphertext: [UInt8]) throws {
        try self.socket.write(ciphertext)
    }

    /// Reads until the connection ends.
    /// - Returns: how TLS ended.
    func readToEnd() throws -> Connection.State {
        while case let bytes = try self.socket.read(), !bytes.isEmpty {
            _ = try self.connection.receive(bytes.span.bytes, into: self.input)
        }
        return self.connection.state
    }
}

/// What a client sends first.
func clientHello() throws -> [UInt8] {
    let output = ByteQueue()
    let client = try Connection(
        client: Context(client: ClientSettings(trustedCAFile: PKI.shared.path("ca.crt"))),
        serverName: "localhost",
        output: output
    )
    try client.start()
    return output.take()
}
