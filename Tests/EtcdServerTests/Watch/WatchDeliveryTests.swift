import ByreCore
import ByreTestKit
import EtcdServer
import GRPC
import Testing

/// What streams of one event loop get of the same commits.
@Suite struct WatchDeliveryTests {
    /// A WatchRequest that creates a watch of everything from `key` on: create 1 of key 1, range_end 2,
    /// fragment 8.
    private static func create(from key: String, fragment: Bool = false) -> [UInt8] {
        let create =
            [10, UInt8(key.utf8.count)] + Array(key.utf8) + [18, 1, 0] + (fragment ? [64, 1] : [])
        return [10, UInt8(create.count)] + create
    }

    /// One response, cut to what tells it apart.
    private struct Response: Hashable {
        var watch: Int64 = 0
        var revision: Int64 = 0
        var created = false
        var events = 0
        var bytes: [UInt8] = []

        /// header 1 with revision 3, watch_id 2, created 3, events 11.
        init(_ bytes: [UInt8]) throws {
            self.bytes = bytes
            for (field, number, contents) in try Self.fields(bytes) {
                switch field {
                case 1:
                    for (field, number, _) in try Self.fields(contents) where field == 3 {
                        self.revision = number
                    }
                case 2: self.watch = number
                case 3: self.created = number == 1
                case 11: self.events += 1
                default: break
                }
            }
        }

        private static func fields(_ bytes: [UInt8]) throws -> [(Int, Int64, [UInt8])] {
            var fields: [(Int, Int64, [UInt8])] = []
            var place = 0
            func varint() throws -> Int64 {
                var value: UInt64 = 0
                var shift: UInt64 = 0
                while true {
                    try #require(place < bytes.count)
                    let byte = bytes[place]
                    place += 1
                    value |= UInt64(byte & 0x7f) << shift
                    if byte < 0x80 { return Int64(truncatingIfNeeded: value) }
                    shift += 7
                }
            }
            while place < bytes.count {
                let tag = try varint()
                let number = try varint()
                var contents: [UInt8] = []
                if tag & 7 == 2 {
                    let end = place + Int(number)
                    try #require(end <= bytes.count)
                    contents = Array(bytes[place..<end])
                    place = end
                }
                fields.append((Int(tag >> 3), number, contents))
            }
            return fields
        }
    }

    /// Takes what a stream was sent.
    private static func responses(_ stream: Exchange) throws -> [Response] {
        var bytes = stream.readBody()
        var responses: [Response] = []
        while !bytes.isEmpty {
            let length = bytes[1..<5].reduce(0) { $0 << 8 | Int($1) }
            responses.append(try Response(Array(bytes[5..<5 + length])))
            bytes.removeFirst(5 + length)
        }
        return responses
    }

    @Test(arguments: [false, true])
    func everyWatchOfEveryStreamGetsEachRevisionOnce(fragment: Bool) throws {
        let fixture = try ServerFixture { _ in }
        let watches = 20
        let streams = try (0..<3).map { _ in
            let stream = try fixture.call(
                "Watch/Watch",
                Self.create(from: "a", fragment: fragment)
            )
            for _ in 1..<watches { stream.send(Self.create(from: "a", fragment: fragment)) }
            return stream
        }
        for stream in streams {
            let created = try Self.responses(stream)
            #expect(created.map(\.watch) == (0..<Int64(watches)).map { $0 })
            #expect(created.allSatisfy { $0.created })
        }
        let puts = try (0..<5).map { try fixture.put("b", "\($0)") }
        try fixture.finish(puts)
        try fixture.settleWakes()
        let heard = try streams.map { try Self.responses($0) }
        for stream in heard {
            for watch in 0..<Int64(watches) {
                let own = stream.filter { $0.watch == watch }
                #expect(own.map(\.revision) == [2, 3, 4, 5, 6])
                #expect(own.allSatisfy { $0.events == 1 })
            }
        }
        #expect(heard[0] == heard[1] && heard[1] == heard[2])
    }

    @Test func streamThatEndsWhileItIsWokenGetsNothing() throws {
        let fixture = try ServerFixture { _ in }
        let first = try fixture.call("Watch/Watch", Self.create(from: "a"))
        let second = try fixture.call("Watch/Watch", Self.create(from: "a"))
        let put = try fixture.put("b")
        try fixture.loop.awaitWork()
        first.close()
        let third = try fixture.call("Watch/Watch", Self.create(from: "a"))
        try fixture.finish([put])
        try fixture.settleWakes()
        #expect(try Self.responses(second).map(\.revision) == [1, 2])
        #expect(try Self.responses(third).map(\.created) == [true])
    }

    @Test func streamWhoseClientDoesNotReadHoldsBoundedBytesAndMissesNothing() throws {
        let fixture = try ServerFixture { _ in }
        let slow = try fixture.call("Watch/Watch", Self.create(from: "a"))
        let fast = try fixture.call("Watch/Watch", Self.create(from: "a"))
        let value = String(repeating: "x", count: 100)
        var heard: [Int64] = []
        for _ in 0..<2_000 {
            try fixture.finish([try fixture.put("b", value)])
            heard += try Self.responses(fast).map(\.revision)
        }
        try fixture.settleWakes()
        heard += try Self.responses(fast).map(\.revision)
        #expect(heard == (1...2_001).map { $0 })
        #expect(slow.bufferedBytes < ServerCall.lowWaterMarkBytes + (1 << 10))
        var late: [Int64] = []
        while late.count < 2_001 {
            let part = try Self.responses(slow).map(\.revision)
            try #require(!part.isEmpty)
            late += part
        }
        #expect(late == heard)
    }
}
