import TLS
import Testing

/// Traffic and its ends, without certificates of clients.
@Suite struct ConnectionTests {
    let server: Context
    let client: Context

    init() throws {
        self.server = try Context(server: .plain)
        self.client = try Context(client: .anonymous)
    }

    @Test(arguments: ProtocolVersion.allCases, [1, 2, 5, 17, 1_000, Int.max])
    func streamMayBeCutAnywhere(version: ProtocolVersion, pieceBytes: Int) throws {
        let link = try Link(
            server: Context(server: .plain.with { $0.versions = version...version }),
            client: self.client
        )
        link.carry(pieceBytes: pieceBytes)
        #expect(link.server.state == .open)
        #expect(link.client.state == .open)
        #expect(link.serverProgress == [.init(opened: true)])
        #expect(link.server.version == version)

        try link.client.send("request")
        link.carry(pieceBytes: pieceBytes)
        #expect(link.atServer.take() == Array("request".utf8))
        try link.server.send("answer")
        link.carry(pieceBytes: pieceBytes)
        #expect(link.atClient.take() == Array("answer".utf8))
    }

    @Test func everyPlaceToCutTheHandshakeOnceIsFine() throws {
        let whole = try Link(server: self.server, client: self.client)
        let hello = whole.toServer.count
        for cut in 1..<hello {
            let link = try Link(server: self.server, client: self.client)
            let bytes = link.toServer.take()
            for piece in [bytes[..<cut], bytes[cut...]] {
                _ = try link.server.receive(Array(piece).span.bytes, into: link.atServer)
            }
            link.carry()
            #expect(link.server.state == .open, "cut at \(cut) of \(hello)")
        }
    }

    @Test func plaintextThatComesWithTheEndOfTheHandshakeIsDelivered() throws {
        let link = try Link(server: self.server, client: self.client)
        // The server's flight makes the client finish; its preface follows in the same bytes.
        _ = try link.server.receive(link.toServer.take().span.bytes, into: link.atServer)
        _ = try link.client.receive(link.toClient.take().span.bytes, into: link.atClient)
        try link.client.send("PRI * HTTP/2.0")
        let progress = try link.server.receive(
            link.toServer.take().span.bytes,
            into: link.atServer
        )
        #expect(progress.opened)
        #expect(link.atServer.take() == Array("PRI * HTTP/2.0".utf8))
    }

    @Test func largeTransfersArriveInFullRecords() throws {
        let link = try Link(server: self.server, client: self.client)
        link.carry()
        let bytes = (0..<5_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        try link.server.send(bytes)

        let records =
            (bytes.count + Limits.recordPlaintextBytesMax - 1)
            / Limits.recordPlaintextBytesMax
        // TLS 1.3 adds a header of 5 bytes, a type of 1 and a tag of 16 to each record.
        #expect(link.toClient.count == bytes.count + records * 22)
        link.carry(pieceBytes: 65_536)
        // Not as an expectation, which would look for the differences of megabytes for minutes.
        let arrived = link.atClient.take() == bytes
        #expect(arrived)

        try link.client.send(bytes)
        link.carry(pieceBytes: 1_400)
        let arrivedBack = link.atServer.take() == bytes
        #expect(arrivedBack)
    }

    @Test func emptySendsAreNothing() throws {
        let link = try Link(server: self.server, client: self.client)
        link.carry()
        try link.server.send("")
        #expect(link.toClient.isEmpty)
    }

    @Test func closingIsToldAndFinal() throws {
        let link = try Link(server: self.server, client: self.client)
        link.carry()
        try link.client.send("last")
        link.client.close()
        link.carry()
        #expect(link.atServer.take() == Array("last".utf8))
        #expect(link.serverProgress == [.init(opened: true), .init(peerClosed: true)])
        #expect(link.server.state == .peerClosed)

        // The other direction is open still.
        try link.server.send("answer")
        link.server.close()
        link.server.close()
        #expect(link.server.state == .closed)
        #expect(throws: TLSError.closed) { try link.server.send("more") }
        #expect(throws: TLSError.closed) { try link.client.send("more") }
        link.carry()
        #expect(link.serverError == nil)
    }

    @Test func nothingIsSentBeforeTheHandshakeIsDone() throws {
        let link = try Link(server: self.server, client: self.client)
        #expect(throws: TLSError.closed) { try link.server.send("early") }
        link.server.close()
        #expect(link.toClient.isEmpty)
        #expect(link.server.state == .closed)
    }

    @Test(arguments: [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "POST /v3/kv/range HTTP/1.1\r\n\r\n",
        "\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}",
        "SSH-2.0-OpenSSH_9.2p1",
    ])
    func whatIsNotTLSIsRecognised(bytes: String) throws {
        let sink = ByteQueue()
        let server = try Connection(server: self.server, output: sink)
        #expect(throws: TLSError.notTLS) {
            try server.receive(Array(bytes.utf8).span.bytes, into: ByteQueue())
        }
        #expect(server.state == .failed)
    }

    @Test func garbageEndsOnlyItsConnection() throws {
        // Any byte of the stream changed to anything: the handshake may fail, nothing else may.
        var random = SystemRandomNumberGenerator()
        for _ in 0..<300 {
            let link = try Link(server: self.server, client: self.client)
            var bytes = link.toServer.take()
            let position = Int.random(in: 0..<bytes.count, using: &random)
            bytes[position] = UInt8.random(in: 0...255, using: &random)
            if (try? link.server.receive(bytes.span.bytes, into: link.atServer)) == nil {
                #expect(link.server.state == .failed, "byte \(position): \(bytes[position])")
            }
            link.carry()
        }
    }

    @Test func changedCiphertextIsRefusedWithAnAlert() throws {
        let link = try Link(server: self.server, client: self.client)
        link.carry()
        try link.client.send("request")
        var bytes = link.toServer.take()
        bytes[bytes.count - 1] ^= 1
        #expect(throws: TLSError.handshake("decryption failed or bad record mac")) {
            try link.server.receive(bytes.span.bytes, into: link.atServer)
        }
        #expect(link.atServer.isEmpty)
        #expect(!link.toClient.isEmpty)
        link.carry()
        #expect(link.clientError == .handshake("sslv3 alert bad record mac"))

        // What comes after a failure is ignored.
        let progress = try link.server.receive(bytes.span.bytes, into: link.atServer)
        #expect(progress == .init())
        #expect(throws: TLSError.closed) { try link.server.send("more") }
    }
}
