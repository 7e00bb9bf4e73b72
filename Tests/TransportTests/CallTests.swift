import GRPC
import HTTP2
import Testing
import Transport

@Suite struct CallTests {
    @Test(arguments: [0, 1, 100, 16_379, 16_380, 70_000, 1_500_000])
    func aMessageComesBack(_ count: Int) async throws {
        try await withServer { server in
            let address = server.addresses[0]
            let message = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7) }
            try await blocking {
                let call = try Client(to: address).unary(TestService.echo, message)
                let isSame = call.messages == [message]
                #expect(isSame)
                #expect(call.status == .ok)
                #expect(call.fields[":status"] == "200")
                #expect(call.fields["content-type"] == "application/grpc")
            }
        }
    }

    @Test func manyCallsShareAConnection() async throws {
        try await withServer { server in
            let address = server.addresses[0]
            try await blocking {
                let client = try Client(to: address)
                let calls = try (0..<100).map { number -> ClientCall in
                    let call = try client.start(
                        number % 3 == 0 ? TestService.slow : TestService.echo
                    )
                    client.send([UInt8(number)], on: call, isLast: true)
                    return call
                }
                try client.wait { calls.allSatisfy(\.isOver) }
                for (number, call) in calls.enumerated() {
                    #expect(call.messages == [[number % 3 == 0 ? 1 : UInt8(number)]])
                    #expect(call.status == .ok)
                }
            }
            let echo = server.counts.methods.first { $0.path == TestService.echo }
            #expect(echo?.started == 66)
            #expect(echo?.handled.first == 66)
        }
    }

    @Test func aStreamTalksBothWays() async throws {
        try await withServer { server in
            let address = server.addresses[0]
            try await blocking {
                let client = try Client(to: address)
                let call = try client.start(TestService.chat)
                for number in 0..<20 {
                    let message = [UInt8](repeating: UInt8(number), count: number * 1_000)
                    client.send(message, on: call)
                    try client.wait { call.messages.count == number + 1 }
                    let isSame = call.messages.last == message
                    #expect(isSame)
                }
                client.send([], on: call, isLast: true)
                try client.wait { call.isOver }
                #expect(call.status == Status(.aborted, "that was all \u{2713}"))
            }
        }
    }

    @Test(
        arguments: [
            (["content-type": "application/json"], "415", 3),
            ([":method": "GET"], "405", 13),
            (["grpc-timeout": "soon"], "400", 13),
            (["grpc-encoding": "gzip"], "200", 12),
        ] as [([String: String], String, Int)]
    )
    func wrongRequestsAreRefused(
        _ headers: [String: String],
        _ status: String,
        _ code: Int
    ) async throws {
        try await withServer { server in
            let address = server.addresses[0]
            try await blocking {
                let client = try Client(to: address)
                let fields = headers.map { (name: $0.key, value: $0.value) }
                let call = try client.unary(TestService.echo, [1], headers: fields)
                #expect(call.fields[":status"] == status)
                #expect(call.status?.code.rawValue == code)
                #expect(call.blockCount == 1)
                #expect(call.bodyCount == 0)
                if code == 12 { #expect(call.fields["grpc-accept-encoding"] == "identity") }
                #expect(try client.unary(TestService.echo, [1]).status == .ok)
            }
        }
    }

    /// Heads that are like the one before are not read again; no call may get another's.
    @Test func eachCallHasItsOwnHead() async throws {
        try await withServer { server in
            let address = server.addresses[0]
            try await blocking {
                let client = try Client(to: address)
                for (token, timeout) in [
                    ("a", "1S"), ("a", "1S"), ("b", "1S"), ("b", "2S"), ("a", "2S"), ("a", "2S"),
                ] {
                    let headers = [
                        (name: "token", value: token), (name: "grpc-timeout", value: timeout),
                    ]
                    let call = try client.unary(
                        TestService.metadata,
                        Array("token".utf8),
                        headers: headers
                    )
                    #expect(call.messages == [Array(token.utf8)])
                    #expect(
                        try client.unary(TestService.echo, [7], headers: headers).messages == [[7]]
                    )
                    let refused = try client.unary(
                        TestService.metadata,
                        [],
                        headers: headers + [(name: "grpc-encoding", value: "gzip")]
                    )
                    #expect(refused.status?.code == .unimplemented)
                    let silent = try client.unary(
                        TestService.silent,
                        [],
                        headers: [
                            (name: "token", value: token), (name: "grpc-timeout", value: "1m"),
                        ]
                    )
                    #expect(silent.status?.code == .deadlineExceeded)
                }
            }
        }
    }

    @Test func metadataReachesTheHandler() async throws {
        try await withServer { server in
            let address = server.addresses[0]
            try await blocking {
                let client = try Client(to: address)
                func ask(
                    _ name: String,
                    _ headers: [(name: String, value: String)]
                ) throws -> String {
                    let call = try client.unary(
                        TestService.metadata,
                        Array(name.utf8),
                        headers: headers
                    )
                    return String(decoding: call.messages.first ?? [], as: UTF8.self)
                }
                #expect(try ask("token", [("token", "simple.12")]) == "simple.12")
                #expect(try ask("token", [("token", "other")]) == "other")
                #expect(try ask("token", []) == "none")
                #expect(try ask("id-bin", [("id-bin", "AQI")]) == "[1, 2]")
                #expect(
                    try ask(":authority", [(":authority", "db.example:2379")]) == "db.example:2379"
                )
                #expect(try ask("peer", []) == "test")
            }
        }
    }

    @Test func aDeadlineEndsACall() async throws {
        try await withServer { server in
            let address = server.addresses[0]
            try await blocking {
                let client = try Client(to: address)
                for timeout in ["0m", "30m"] {
                    let call = try client.unary(
                        TestService.silent,
                        [],
                        headers: [("grpc-timeout", timeout)]
                    )
                    #expect(
                        call.status == Status(.deadlineExceeded, "context deadline exceeded")
                    )
                }
            }
            let silent = server.counts.methods.first { $0.path == TestService.silent }
            #expect(silent?.handled[Status.Code.deadlineExceeded.rawValue] == 2)
        }
    }

    @Test func aCancelledCallEndsOnTheServer() async throws {
        try await withServer { server in
            let address = server.addresses[0]
            try await blocking {
                let client = try Client(to: address)
                let call = try client.start(TestService.silent)
                client.send([], on: call, isLast: true)
                try client.flush()
                client.cancel(call)
                #expect(try client.unary(TestService.echo, [1]).status == .ok)
            }
            let silent = server.counts.methods.first { $0.path == TestService.silent }
            #expect(silent?.handled[Status.Code.canceled.rawValue] == 1)
        }
    }

    @Test func aMessageOverTheLimitIsRefusedBeforeItIsSent() async throws {
        try await withServer(configure: { $0.limits.messageBytesMax = 1_000 }) { server in
            let address = server.addresses[0]
            try await blocking {
                let client = try Client(to: address)
                let call = try client.start(TestService.echo)
                client.sendBytes([0, 0, 0, 3, 233], on: call)
                try client.wait { call.closeCode != nil }
                #expect(
                    call.status
                        == Status(
                            .resourceExhausted,
                            "grpc: received message larger than max (1001 vs. 1000)"
                        )
                )
                #expect(call.closeCode == .noError)
                let fits = [UInt8](repeating: 1, count: 1_000)
                let isSame = try client.unary(TestService.echo, fits).messages == [fits]
                #expect(isSame)
            }
        }
    }

    @Test func incompleteMessagesOfAConnectionAreBounded() async throws {
        try await withServer(configure: { $0.limits.gatheredBytesMax = 100_000 }) { server in
            let address = server.addresses[0]
            try await blocking {
                let client = try Client(to: address)
                let calls = try (0..<3).map { _ in
                    let call = try client.start(TestService.echo)
                    let part = [UInt8](repeating: 1, count: 40_000)
                    client.sendBytes([0, 0, 1, 0, 0] + part, on: call)
                    return call
                }
                try client.wait { calls.contains(where: \.isOver) }
                #expect(calls.compactMap(\.status).map(\.code) == [.resourceExhausted])
                #expect(try client.unary(TestService.echo, [1]).status == .ok)
            }
        }
    }

    @Test func incompleteMessagesOfCallsThatEndAreForgotten() async throws {
        try await withServer(configure: { $0.limits.gatheredBytesMax = 100_000 }) { server in
            let address = server.addresses[0]
            try await blocking {
                let client = try Client(to: address)
                for _ in 0..<6 {
                    let call = try client.start(
                        TestService.echo,
                        headers: [("grpc-timeout", "20m")]
                    )
                    let part = [UInt8](repeating: 1, count: 40_000)
                    client.sendBytes([0, 0, 1, 0, 0] + part, on: call)
                    try client.wait { call.isOver }
                    #expect(call.status?.code == .deadlineExceeded)
                }
                for _ in 0..<6 {
                    let call = try client.start(TestService.echo)
                    client.sendBytes(
                        [0, 0, 1, 0, 0] + [UInt8](repeating: 1, count: 40_000),
                        on: call
                    )
                    try client.flush()
                    client.cancel(call)
                    #expect(try client.unary(TestService.echo, [1]).status == .ok)
                }
            }
        }
    }

    @Test func unknownMethodsAreUnimplemented() async throws {
        try await withServer { server in
            let address = server.addresses[0]
            try await blocking {
                let client = try Client(to: address)
                #expect(
                    try client.unary("/test.Test/Nope", []).status
                        == Status(.unimplemented, "unknown method Nope for service test.Test")
                )
                #expect(
                    try client.unary("/nope.Nope/Nope", []).status
                        == Status(.unimplemented, "unknown service nope.Nope")
                )
            }
            #expect(server.counts.requestsRefused == 2)
        }
    }
}
