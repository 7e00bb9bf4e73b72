import TLS

/// The TLS of a ``Client``, with the bytes that go either way.
final class SecureSocket {
    private let connection: TLS.Connection
    private let output = ByteQueue()
    private let plaintext = ByteQueue()

    init(_ context: TLS.Context, serverName: String?) throws(TLSError) {
        self.connection = try TLS.Connection(
            client: context,
            serverName: serverName,
            output: self.output
        )
    }

    /// Whether plaintext may flow.
    var isOpen: Bool { self.connection.state == .open }

    /// Begins the handshake.
    func start() throws(TLSError) {
        try self.connection.start()
    }

    /// Takes bytes from the server.
    /// - Returns: what they say.
    func receive(_ ciphertext: ArraySlice<UInt8>) throws(TLSError) -> [UInt8] {
        _ = try self.connection.receive(ciphertext.span.bytes, into: self.plaintext)
        return self.plaintext.take()
    }

    /// Encrypts bytes for the server.
    func send(_ plaintext: ArraySlice<UInt8>) throws(TLSError) {
        try self.connection.send(plaintext.span.bytes)
    }

    /// Takes what is to be written to the socket.
    func takeOutput() -> [UInt8] { self.output.take() }
}
