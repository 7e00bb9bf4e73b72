import Kubernetes
import Testing

@Suite struct WatchEventTests {
    private func event(_ line: String) throws(APIError) -> WatchEvent {
        try WatchEvent(decoding: Array(line.utf8))
    }

    @Test func eventsAreReadByTheirType() throws {
        let object = #"{"metadata":{"name":"a","resourceVersion":"7"},"kind":"Tenant"}"#
        let value = try JSONValue(decoding: Array(object.utf8))
        #expect(try self.event(#"{"type":"ADDED","object":\#(object)}"#) == .added(value))
        #expect(try self.event(#"{"type":"MODIFIED","object":\#(object)}"#) == .modified(value))
        #expect(try self.event(#"{"type":"DELETED","object":\#(object)}"#) == .deleted(value))
        #expect(
            try self.event(#"{"type":"BOOKMARK","object":\#(object)}"#)
                == .bookmark(resourceVersion: "7")
        )
        #expect(
            try self.event(
                #"{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"m"}}"#
            ) == .error(APIStatus(code: 410, reason: "Expired", message: "m"))
        )
    }

    @Test(arguments: [
        "", "{", "[]", "null", #"{"type":"ADDED"}"#, #"{"type":"ADDED","object":[]}"#,
        #"{"type":"ADDED","object":{}}"#, #"{"type":"ADDED","object":{"metadata":{}}}"#,
        #"{"type":"MOVED","object":{"metadata":{"resourceVersion":"1"}}}"#,
        #"{"object":{"metadata":{"resourceVersion":"1"}}}"#,
        String(repeating: "[", count: 100_000), #"{"type":"ADDED","object":"# + "\u{0}",
    ])
    func whatIsNoEventIsRefused(line: String) {
        #expect(throws: APIError.self) { try self.event(line) }
    }

    @Test(arguments: 1...9)
    func linesAreFoundHoweverTheyAreCut(size: Int) throws {
        let bytes = Array("one\n\ntwo two\nthr".utf8)
        var splitter = LineSplitter()
        var lines: [String] = []
        for start in stride(from: 0, to: bytes.count, by: size) {
            let piece = Array(bytes[start..<min(start + size, bytes.count)])
            lines += try splitter.split(piece).map { String(decoding: $0, as: UTF8.self) }
        }
        #expect(lines == ["one", "two two"])
        #expect(try splitter.split(Array("ee\n".utf8)) == [Array("three".utf8)])
    }

    @Test func aLineWithoutEndIsRefused() throws {
        var splitter = LineSplitter()
        let megabyte = [UInt8](repeating: 65, count: 1 << 20)
        for _ in 0..<8 { _ = try splitter.split(megabyte) }
        #expect(throws: APIError.self) { try splitter.split(megabyte) }
    }
}

@Suite struct JSONValueTests {
    @Test(arguments: [
        "null", "true", "0", "-9223372036854775808", "9223372036854775807", "1.5", "\"ä\\n\"",
        "[1,\"a\",[],{}]", #"{"a":{"b":[null]},"c":false}"#,
    ])
    func whatIsReadIsWrittenTheSame(text: String) throws {
        let value = try JSONValue(decoding: Array(text.utf8))
        #expect(String(decoding: value.encoded, as: UTF8.self) == text)
    }

    @Test func nestingIsBounded() throws {
        let deep = String(repeating: "[", count: 64) + String(repeating: "]", count: 64)
        #expect(throws: Never.self) { try JSONValue(decoding: Array(deep.utf8)) }
        #expect(throws: APIError.self) { try JSONValue(decoding: Array("[\(deep)]".utf8)) }
        // What stands in a text is no nesting.
        let text = "\"" + String(repeating: "[", count: 100) + "\\\"" + "\""
        #expect(throws: Never.self) { try JSONValue(decoding: Array(text.utf8)) }
    }

    @Test func nullIsAsGoodAsNothing() throws {
        let value = try JSONValue(decoding: Array(#"{"a":null,"b":1}"#.utf8))
        #expect(value["a"] == nil)
        #expect(value["b"] == 1)
        #expect(value["c"]?["d"] == nil)
    }
}

@Suite struct WallTimeTests {
    @Test func timesAreWrittenAsAPIServersReadThem() {
        #expect(WallTime.text(seconds: 1_795_439_045) == "2026-11-23T13:04:05Z")
        #expect(
            WallTime.text(microseconds: 1_795_439_045_000_006) == "2026-11-23T13:04:05.000006Z"
        )
    }

    @Test func timesAreRead() {
        #expect(WallTime.seconds(of: "2026-11-23T13:04:05Z") == 1_795_439_045)
        #expect(WallTime.seconds(of: "2026-11-23T14:04:05+01:00") == 1_795_439_045)
        #expect(WallTime.seconds(of: "2026-11-23T13:04:05.999999Z") == 1_795_439_045)
        #expect(WallTime.seconds(of: "yesterday") == nil)
    }
}
