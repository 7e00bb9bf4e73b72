import GRPC
import HTTP2
import Testing
import Transport

@Suite struct HostileTests {
    /// Does `harm` while another connection is served before and after.
    private func check(
        configure: (inout ServerConfiguration) -> Void = { _ in },
        _ harm: @escaping @Sendable (Listener.Address) throws -> Void
    ) async throws {
        try await withServer(configure: configure) { server in
            let address = server.addresses[0]
            try await blocking {
                let client = try Client(to: address)
                #expect(try client.unary(TestService.echo, [1]).messages == [[1]])
                try harm(address)
                #expect(try client.unary(TestService.echo, [2]).messages == [[2]])
                #expect(try Client(to: address).unary(TestService.echo, [3]).messages == [[3]])
            }
        }
    }

    private static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    private static func frame(
        _ type: UInt8,
        flags: UInt8 = 0,
        stream: UInt8 = 0,
        _ payload: [UInt8] = []
    ) -> [UInt8] {
        let count = payload.count
        return [
            UInt8(truncatingIfNeeded: count >> 16), UInt8(truncatingIfNeeded: count >> 8),
            UInt8(truncatingIfNeeded: count), type, flags, 0, 0, 0, stream,
        ] + payload
    }

    @Test(
        arguments: [
            // A header block that is no HPACK.
            frame(1, flags: 5, stream: 1, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
            // DATA on a stream that was never opened.
            frame(0, stream: 7, [1, 2, 3]),
            // A window that overflows.
            frame(8, stream: 0, [0x7f, 0xff, 0xff, 0xff])
                + frame(8, stream: 0, [0x7f, 0xff, 0xff, 0xff]),
            // SETTINGS of a length that cannot be.
            frame(4, [1, 2, 3]),
            // A frame larger than was allowed.
            [0x7f, 0xff, 0xff, 0, 0, 0, 0, 0, 1],
            // A stream with an even number.
            frame(1, flags: 5, stream: 2, [0x82]),
            // CONTINUATION out of place.
            frame(9, flags: 4, stream: 1, [0x82]),
        ] as [[UInt8]]
    )
    func aViolationEndsItsConnectionOnly(_ bytes: [UInt8]) async throws {
        try await self.check { address in
            let socket = try RawSocket(address)
            socket.write(Self.preface + Self.frame(4) + bytes)
            let answer = try socket.read()
            let goAway: [UInt8] = [7, 0, 0, 0, 0, 0]
            #expect(answer.indices.contains { answer[$0...].starts(with: goAway) })
        }
    }

    @Test func randomBytesEndTheirConnectionOnly() async throws {
        try await self.check { address in
            var random = SystemRandomNumberGenerator()
            for round in 0..<40 {
                let socket = try RawSocket(address)
                let noise = (0..<2_000).map { _ in UInt8.random(in: 0...255, using: &random) }
                let isHTTP2 = round % 2 == 0
                socket.write((isHTTP2 ? Self.preface + Self.frame(4) : []) + noise)
            }
        }
    }

    @Test func rapidResetsEndTheirConnectionOnly() async throws {
        try await self.check(configure: { $0.limits.session.resetsBurst = 200 }) { address in
            let client = try Client(to: address)
            for _ in 0..<400 {
                guard let call = try? client.start(TestService.silent) else { break }
                client.send([], on: call, isLast: true)
                try client.flush()
                client.cancel(call)
            }
            #expect(throws: Client.Failure.closed(goAway: .enhanceYourCalm)) {
                try client.wait { false }
            }
        }
    }

    @Test func theThirdPingTooManyEndsItsConnectionOnly() async throws {
        try await self.check { address in
            let client = try Client(to: address)
            #expect(try client.unary(TestService.echo, [1]).status == .ok)
            // The first ping clears the strikes, because an answer was sent before it; the second
            // and third come too soon; the fourth is one too many.
            for count in 1...3 {
                client.ping()
                try client.wait { client.pongs == count }
            }
            client.ping()
            #expect(throws: Client.Failure.closed(goAway: .enhanceYourCalm)) {
                try client.wait { false }
            }
        }
    }

    @Test func answersForgivePings() async throws {
        try await self.check { address in
            let client = try Client(to: address)
            for count in 1...20 {
                client.ping()
                try client.wait { client.pongs == count }
                #expect(try client.unary(TestService.echo, [1]).status == .ok)
            }
        }
    }

    @Test func aConnectionThatSaysNothingIsClosed() async throws {
        try await self.check(configure: { $0.limits.handshake = .milliseconds(100) }) { address in
            let silent = try RawSocket(address)
            #expect(try silent.read().isEmpty)
            let slow = try RawSocket(address)
            slow.write("PRI * HT")
            #expect(try slow.read().isEmpty)
        }
    }

    @Test func aPeerThatDoesNotAnswerPingsIsClosed() async throws {
        try await withServer(
            configure: {
                $0.keepalive.interval = .milliseconds(50)
                $0.keepalive.timeout = .milliseconds(50)
            }
        ) { server in
            let address = server.addresses[0]
            try await blocking {
                let socket = try RawSocket(address)
                socket.write(Self.preface + Self.frame(4))
                let answer = try socket.read()
                let ping: [UInt8] = [0, 0, 8, 6, 0, 0, 0, 0, 0]
                #expect(answer.indices.contains { answer[$0...].starts(with: ping) })
            }
        }
    }

    @Test func aPeerThatAnswersPingsStays() async throws {
        try await withServer(
            configure: {
                $0.keepalive.interval = .milliseconds(50)
                $0.keepalive.timeout = .milliseconds(600)
            }
        ) { server in
            let address = server.addresses[0]
            try await blocking {
                let client = try Client(to: address)
                try client.wait { client.pings == 3 }
                #expect(try client.unary(TestService.echo, [1]).status == .ok)
            }
        }
    }

    @Test func tooManyConnectionsAreRefused() async throws {
        try await withServer(configure: { $0.limits.connectionsMax = 2 }) { server in
            let address = server.addresses[0]
            try await blocking {
                let first = try Client(to: address)
                let second = try Client(to: address)
                #expect(try first.unary(TestService.echo, [1]).status == .ok)
                #expect(try second.unary(TestService.echo, [1]).status == .ok)
                let third = try RawSocket(address)
                #expect(try third.read().isEmpty)
                #expect(try first.unary(TestService.echo, [1]).status == .ok)
            }
            #expect(server.counts.connectionsRefused == 1)
        }
    }
}
