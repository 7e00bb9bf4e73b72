import HTTP2
import Testing

@Suite struct SessionTests {
    private static let ok = HeaderList([(":status", "200")], immortal: true)

    @Test(arguments: [1, 2, 3, 10, 100, Int.max])
    func aRequestArrivesHoweverItIsSplit(_ step: Int) {
        let pair = SessionPair()
        let body = (0..<40_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        pair.request("/etcdserverpb.KV/Range", body: body, extra: [("token", "abc")])
        pair.exchange(step: step)
        #expect(
            pair.server.log.first
                == "1 headers :method=POST :scheme=http :path=/etcdserverpb.KV/Range :authority=h token=abc"
        )
        #expect(pair.server.log.last == "1 half-closed")
        #expect(pair.server.received[1] == body)
    }

    @Test func aResponseEndsWithTrailers() throws {
        let pair = SessionPair()
        pair.request()
        pair.exchange()
        let stream = try #require(pair.server.streams.first)
        pair.server.bodies[stream.id] = [1, 2, 3]
        pair.server.trailers = HeaderList([("grpc-status", "0")])
        pair.server.session.respond(stream, Self.ok)
        pair.exchange()
        #expect(
            pair.client.log == [
                "1 headers :status=200", "1 data 3", "1 headers grpc-status=0", "1 half-closed",
                "1 closed 0",
            ]
        )
        #expect(pair.server.log.last == "1 closed 0")
        #expect(pair.server.session.streamCount == 0)
    }

    @Test func aBodyWaitsUntilItIsResumed() throws {
        let pair = SessionPair()
        pair.request()
        pair.exchange()
        let stream = try #require(pair.server.streams.first)
        pair.server.waiting = [stream.id]
        pair.server.session.respond(stream, Self.ok)
        pair.exchange()
        #expect(pair.client.log == ["1 headers :status=200"])
        pair.server.bodies[stream.id] = [1]
        pair.server.session.resume(stream)
        pair.exchange()
        #expect(pair.client.log.last == "1 data 1")
        pair.server.waiting = []
        pair.server.session.resume(stream)
        pair.exchange()
        #expect(pair.client.log.suffix(2) == ["1 half-closed", "1 closed 0"])
    }

    @Test(arguments: [false, true])
    func aBodyComesPieceByPiece(tellsWhenThatIsAll: Bool) throws {
        let pair = SessionPair()
        pair.server.tellsWhenThatIsAll = tellsWhenThatIsAll
        pair.server.trailers = HeaderList([("grpc-status", "0")])
        for _ in 0..<2 { pair.request() }
        pair.exchange()
        let streams = pair.server.streams
        pair.server.waiting = Set(streams.map(\.id))
        for stream in streams {
            pair.server.bodies[stream.id] = [1, 2]
            pair.server.session.respond(stream, Self.ok)
        }
        pair.exchange()
        for length in [3, 40_000, 1] {
            pair.client.received = [:]
            for stream in streams {
                pair.server.bodies[stream.id] = Array(repeating: 7, count: length)
                pair.server.session.resume(stream)
            }
            pair.exchange()
            #expect(pair.client.received.mapValues(\.count) == [1: length, 3: length])
            #expect(!pair.server.session.wantsWrite)
        }
        pair.server.waiting = []
        pair.client.log = []
        for stream in streams { pair.server.session.resume(stream) }
        pair.exchange()
        #expect(pair.client.log.filter { $0.contains("grpc-status") }.count == 2)
        #expect(pair.client.log.filter { $0.contains("closed 0") }.count == 2)
        #expect(pair.server.session.streamCount == 0)
    }

    @Test func slotsAreUsedAgain() throws {
        let pair = SessionPair()
        for round in 0..<50 {
            for _ in 0..<3 { pair.request() }
            pair.exchange()
            for stream in pair.server.streams.suffix(3) {
                #expect(stream.slot < 3, "round \(round)")
                pair.server.session.respond(stream, Self.ok)
            }
            pair.exchange()
        }
        #expect(Set(pair.server.streams.suffix(3).map(\.slot)) == [0, 1, 2])
    }

    @Test func aLargeBodyLeavesAsTheWindowOpens() throws {
        let pair = SessionPair()
        pair.client.consumes = false
        pair.request()
        pair.exchange()
        let stream = try #require(pair.server.streams.first)
        pair.server.bodies[stream.id] = [UInt8](repeating: 7, count: 3 << 20)
        pair.server.session.respond(stream, Self.ok)
        pair.exchange()
        #expect(pair.client.received[1]?.count == 1 << 20)
        pair.client.session.consume(stream, 1 << 20)
        pair.exchange()
        #expect(pair.client.received[1]?.count == 2 << 20)
        pair.client.consumes = true
        pair.client.session.consume(stream, 1 << 20)
        pair.exchange()
        #expect(pair.client.received[1]?.count == 3 << 20)
        #expect(pair.client.log.last == "1 closed 0")
    }

    @Test func anUnreadRequestBodyStopsAtTheWindow() {
        let pair = SessionPair()
        pair.server.consumes = false
        pair.request(body: [UInt8](repeating: 1, count: 3 << 20))
        pair.exchange()
        #expect(pair.server.received[1]?.count == 1 << 20)
    }

    @Test func anEarlyEndIsReported() throws {
        let pair = SessionPair()
        let stream = try #require(pair.request())
        pair.client.waiting = [stream.id]
        pair.exchange()
        pair.server.session.respondHeadersOnly(try #require(pair.server.streams.first), Self.ok)
        pair.exchange()
        #expect(pair.server.log.last == "1 finished early")
        pair.server.session.reset(stream, .noError)
        pair.exchange()
        #expect(pair.client.log.suffix(2) == ["1 half-closed", "1 closed 0"])
        #expect(pair.server.log.last == "1 closed 0")
    }

    @Test func aResetIsHeard() throws {
        let pair = SessionPair()
        let stream = try #require(pair.request())
        pair.exchange()
        pair.client.session.reset(stream, .cancel)
        pair.exchange()
        #expect(pair.server.log.last == "1 closed 8")
    }

    @Test func pingsAreAnsweredAndReported() {
        let pair = SessionPair()
        pair.client.session.ping()
        pair.exchange()
        #expect(pair.server.log == ["ping"])
        #expect(pair.client.log == ["pong"])
    }

    @Test func shutdownLosesNoStreamOnItsWay() throws {
        let pair = SessionPair()
        pair.exchange()
        pair.request()
        pair.server.session.announceShutdown()
        pair.exchange()
        #expect(pair.client.log == ["go away 0"])
        let stream = try #require(pair.server.streams.first)
        pair.server.session.goAway()
        pair.exchange()
        #expect(!pair.server.session.isFinished)
        pair.server.session.respond(stream, Self.ok)
        pair.exchange()
        #expect(pair.client.log.last == "1 closed 0")
        #expect(pair.server.session.isFinished)
        #expect(pair.request() == nil)
    }
}

@Suite struct SessionLimitTests {
    private let settled: [UInt8] = []

    @Test func tooManyStreamsAreRefused() {
        var limits = SessionLimits()
        limits.streamsMax = 2
        let pair = SessionPair(server: limits)
        for _ in 0..<3 { pair.request() }
        pair.exchange()
        #expect(pair.server.session.streamCount == 2)
        #expect(pair.client.log == ["5 closed 7"])
    }

    @Test func theAnnouncedLimitIsKept() {
        var limits = SessionLimits()
        limits.streamsAnnounced = 1
        let pair = SessionPair(server: limits)
        pair.exchange()
        for _ in 0..<2 { pair.request() }
        pair.exchange()
        #expect(pair.server.streams.map(\.id) == [1])
    }

    @Test func aLargeHeaderListEndsItsStreamOnly() {
        var limits = SessionLimits()
        limits.headerListBytesMax = 1_000
        let pair = SessionPair(server: limits)
        pair.request(extra: [("x", String(repeating: "y", count: 900))])
        pair.request("/other")
        pair.exchange()
        #expect(pair.client.log == ["1 closed 11"])
        #expect(pair.server.streams.map(\.id) == [3])
    }

    /// Opens a connection by hand and feeds frames until the server has enough.
    private func flood(_ frames: [UInt8], count: Int, limits: SessionLimits) -> End {
        let server = End(.server, limits: limits)
        server.feed(preface)
        _ = server.pull()
        for _ in 0..<count {
            server.feed(frames)
        }
        return server
    }

    private func goAwayCode(_ server: End) -> UInt8? {
        let output = server.pull()
        var position = 0
        var code: UInt8?
        while position + 9 <= output.count {
            let count =
                Int(output[position]) << 16 | Int(output[position + 1]) << 8
                | Int(output[position + 2])
            if output[position + 3] == 7 { code = output[position + 9 + 7] }
            position += 9 + count
        }
        return code
    }

    @Test(
        arguments: [
            (frame(4), 101, 100), (frame(6, [UInt8](repeating: 0, count: 8)), 51, 50),
            (frame(2, stream: 9, [0, 0, 0, 0, 1]), 51, 50),
            (frame(10), 51, 50), (frame(0xEE, stream: 9, [1, 2, 3]), 51, 50),
            (frame(255), 51, 50),
        ] as [([UInt8], Int, Int)]
    )
    func aFloodOfFramesIsAskedToCalmDown(_ bytes: [UInt8], _ tooMany: Int, _ allowed: Int) {
        var limits = SessionLimits()
        limits.idleFramesBurst = 50
        #expect(self.goAwayCode(self.flood(bytes, count: allowed - 1, limits: limits)) == nil)
        let server = self.flood(bytes, count: tooMany, limits: limits)
        #expect(self.goAwayCode(server) == 11)
        #expect(server.session.isFinished)
    }

    @Test func rapidResetsAreAskedToCalmDown() {
        var limits = SessionLimits()
        limits.resetsBurst = 20
        let pair = SessionPair(server: limits)
        pair.exchange()
        for _ in 0..<21 {
            guard let stream = pair.request() else { break }
            pair.exchange()
            pair.client.session.reset(stream, .cancel)
            pair.exchange()
        }
        #expect(pair.client.log.contains("go away 11"))
    }

    @Test func aBudgetFillsUpAgain() {
        var limits = SessionLimits()
        limits.resetsBurst = 20
        let pair = SessionPair(server: limits)
        pair.exchange()
        for round in 0..<200 {
            pair.server.now = UInt64(round) * 100
            guard let stream = pair.request() else { break }
            pair.exchange()
            pair.client.session.reset(stream, .cancel)
            pair.exchange()
        }
        #expect(!pair.client.log.contains("go away 11"))
    }

    @Test func whatIsNotHTTP2IsTold() {
        let server = End(.server)
        server.feed(Array("GET / HTTP/1.1\r\nHost: x\r\n\r\n".utf8))
        #expect(server.error == .badPreface)
    }
}

@Suite struct MalformedInputTests {
    /// A small generator, so that a failure can be repeated from its seed.
    struct Random: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            self.state &+= 0x9e37_79b9_7f4a_7c15
            var value = self.state
            value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
            value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
            return value ^ (value >> 31)
        }
    }

    @Test(arguments: 0..<300)
    func mutatedFramesHarmNothing(_ seed: Int) {
        var random = Random(state: UInt64(seed))
        let pair = SessionPair()
        for _ in 0..<5 {
            pair.request(
                body: [UInt8](repeating: 3, count: Int.random(in: 0...300, using: &random))
            )
        }
        var bytes = pair.client.pull()
        for _ in 0..<Int.random(in: 1...8, using: &random) {
            let place = Int.random(in: 24..<bytes.count, using: &random)
            switch Int.random(in: 0..<3, using: &random) {
            case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
            case 1: bytes.remove(at: place)
            default: bytes.insert(UInt8.random(in: 0...255, using: &random), at: place)
            }
        }
        let server = pair.server
        var rest = bytes[...]
        while !rest.isEmpty, server.error == nil {
            let step = Int.random(in: 1...64, using: &random)
            server.feed(Array(rest.prefix(step)))
            rest = rest.dropFirst(step)
            for stream in server.streams {
                server.session.respondHeadersOnly(stream, HeaderList([(":status", "200")]))
            }
            server.streams = []
            _ = server.pull()
        }
        #expect(server.session.streamCount >= 0)
    }

    @Test(arguments: 0..<300)
    func randomFramesHarmNothing(_ seed: Int) {
        var random = Random(state: UInt64(seed) &+ 77)
        let server = End(.server)
        server.feed(preface)
        for _ in 0..<200 where server.error == nil {
            let payload = (0..<Int.random(in: 0...40, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            server.feed(
                frame(
                    UInt8.random(in: 0...10, using: &random),
                    flags: UInt8.random(in: 0...255, using: &random),
                    stream: UInt32.random(in: 0...9, using: &random),
                    payload
                )
            )
            _ = server.pull()
        }
        #expect(server.session.streamCount >= 0)
    }
}
