import GRPC
import Testing
import Transport

@Suite struct HTTPTests {
    @Test func bothProtocolsShareAPort() async throws {
        try await withServer { server in
            let address = server.addresses[0]
            try await blocking {
                #expect(try Client(to: address).unary(TestService.echo, [1]).status == .ok)
                let socket = try RawSocket(address)
                socket.write("GET /health?exclude=x HTTP/1.1\r\nHost: h\r\n\r\n")
                let answer = try socket.readText(until: "exclude=x ")
                #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n"))
                #expect(answer.hasSuffix("\r\n\r\nGET /health?exclude=x "))
                #expect(answer.contains("content-length: 22\r\n"))
            }
        }
    }

    @Test func theFirstBytesMayComeOneByOne() async throws {
        try await withServer { server in
            let address = server.addresses[0]
            try await blocking {
                let socket = try RawSocket(address)
                for byte in "PUT /x HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi".utf8 {
                    socket.write([byte])
                }
                #expect(try socket.readText(until: "?- hi").hasSuffix("PUT /x?- hi"))
            }
        }
    }

    @Test func aConnectionServesSeveralRequests() async throws {
        try await withServer { server in
            let address = server.addresses[0]
            try await blocking {
                let socket = try RawSocket(address)
                for number in 0..<5 {
                    socket.write("GET /\(number) HTTP/1.1\r\nHost: h\r\n\r\n")
                    #expect(try socket.readText(until: "/\(number)?- ").contains(" 200 "))
                }
                socket.write("GET /a HTTP/1.1\r\nHost: h\r\n\r\nGET /b HTTP/1.1\r\nHost: h\r\n\r\n")
                let both = try socket.readText(until: "/b?- ")
                #expect(both.contains("GET /a?- "))
                socket.write("GET /missing HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
                let last = String(decoding: try socket.read(), as: UTF8.self)
                #expect(last.hasPrefix("HTTP/1.1 404 "))
                #expect(last.contains("connection: close"))
            }
        }
    }

    @Test func headHasNoBody() async throws {
        try await withServer { server in
            let address = server.addresses[0]
            try await blocking {
                let socket = try RawSocket(address)
                socket.write("HEAD /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
                let answer = String(decoding: try socket.read(), as: UTF8.self)
                #expect(answer.hasSuffix("\r\n\r\n"))
                #expect(answer.contains("content-length: 10\r\n"))
            }
        }
    }

    @Test func aBodyOverTheLimitIsRefused() async throws {
        try await withServer(configure: { $0.limits.http1BodyBytesMax = 10 }) { server in
            let address = server.addresses[0]
            try await blocking {
                let socket = try RawSocket(address)
                socket.write("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n0123456789a")
                let answer = String(decoding: try socket.read(), as: UTF8.self)
                #expect(answer.hasPrefix("HTTP/1.1 413 "))
            }
        }
    }

    @Test func whatIsNoHTTPIsRefused() async throws {
        try await withServer { server in
            let address = server.addresses[0]
            try await blocking {
                let socket = try RawSocket(address)
                socket.write("hello there\r\n\r\n")
                #expect(String(decoding: try socket.read(), as: UTF8.self).contains(" 400 "))
            }
        }
    }
}
