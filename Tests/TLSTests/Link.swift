import ByreTestKit
import TLS

/// A client and a server, joined in memory.
final class Link {
    let client: Connection
    let server: Connection

    /// Ciphertext under way.
    let toServer = ByteQueue()
    let toClient = ByteQueue()

    /// Plaintext that has arrived.
    let atServer = ByteQueue()
    let atClient = ByteQueue()

    private(set) var serverError: TLSError?
    private(set) var clientError: TLSError?
    private(set) var serverProgress: [Connection.Progress] = []

    init(
        server: Context,
        client: Context,
        serverName: String? = "localhost"
    ) throws(TLSError) {
        self.server = try Connection(server: server, output: self.toClient)
        self.client = try Connection(
            client: client,
            serverName: serverName,
            output: self.toServer
        )
        try self.client.start()
    }

    /// Carries bytes both ways, in pieces of `pieceBytes`, until nothing is under way.
    func carry(pieceBytes: Int = .max) {
        while !self.toServer.isEmpty || !self.toClient.isEmpty {
            self.deliver(self.toServer, pieceBytes) { piece in
                do throws(TLSError) {
                    let progress = try self.server.receive(piece, into: self.atServer)
                    if progress != .init() { self.serverProgress.append(progress) }
                } catch {
                    self.serverError = error
                }
            }
            self.deliver(self.toClient, pieceBytes) { piece in
                do throws(TLSError) {
                    _ = try self.client.receive(piece, into: self.atClient)
                } catch {
                    self.clientError = error
                }
            }
        }
    }

    private func deliver(_ queue: ByteQueue, _ pieceBytes: Int, _ receive: (RawSpan) -> Void) {
        // Taken out first: what is received may put more bytes into the other queue.
        let bytes = queue.take()
        var start = 0
        while start < bytes.count {
            let end = start + min(pieceBytes, bytes.count - start)
            receive(bytes.span.bytes.extracting(start..<end))
            start = end
        }
    }
}

extension Connection {
    func send(_ text: String) throws(TLSError) {
        try self.send([UInt8](text.utf8))
    }

    func send(_ bytes: [UInt8]) throws(TLSError) {
        try self.send(bytes.span.bytes)
    }
}

extension ServerSettings {
    /// A server that asks for no certificates.
    static var plain: ServerSettings {
        ServerSettings(
            certificateFile: PKI.shared.path("server.crt"),
            keyFile: PKI.shared.path("server.key")
        )
    }

    /// A server that wants certificates of the test CA.
    static var mutual: ServerSettings {
        ServerSettings(
            certificateFile: PKI.shared.path("server.crt"),
            keyFile: PKI.shared.path("server.key"),
            trustedCAFile: PKI.shared.path("ca.crt")
        )
    }

    func with(_ change: (inout ServerSettings) -> Void) -> ServerSettings {
        var changed = self
        change(&changed)
        return changed
    }
}

extension ClientSettings {
    /// A client that trusts the test CA and shows nothing.
    static var anonymous: ClientSettings {
        ClientSettings(trustedCAFile: PKI.shared.path("ca.crt"))
    }

    /// A client with the certificate `name` of the test PKI.
    static func with(certificate name: String) -> ClientSettings {
        Self.anonymous.with {
            $0.certificateFile = PKI.shared.path("\(name).crt")
            $0.keyFile = PKI.shared.path("\(name).key")
        }
    }

    func with(_ change: (inout ClientSettings) -> Void) -> ClientSettings {
        var changed = self
        change(&changed)
        return changed
    }
}
