import GRPC
import Testing

@Suite struct TextTests {
    @Test(arguments: [
        ("", ""),
        ("etcdserver: key is not provided", "etcdserver: key is not provided"),
        ("100%", "100%25"),
        ("a\nb\u{7f}", "a%0Ab%7F"),
        ("\u{e9}\u{20ac}", "%C3%A9%E2%82%AC"),
        ("~ !\"", "~ !\""),
    ])
    func messagesArePercentEncoded(_ text: String, _ encoded: String) {
        #expect(PercentEncoding.encode(text) == encoded)
        #expect(PercentEncoding.decode(encoded.utf8) == text)
    }

    @Test(arguments: [
        ("%", "%"), ("%4", "%4"), ("%zz", "%zz"), ("%41%", "A%"), ("%c3%a9", "\u{e9}"),
    ])
    func brokenPercentEncodingStandsForItself(_ encoded: String, _ text: String) {
        #expect(PercentEncoding.decode(encoded.utf8) == text)
    }

    private func timeout(_ text: String) throws -> UInt64 {
        try Array(text.utf8).withUnsafeBytes { try Timeout.nanoseconds($0) }
    }

    @Test(arguments: [
        ("1n", 1), ("7u", 7_000), ("250m", 250_000_000), ("3S", 3_000_000_000),
        ("2M", 120_000_000_000), ("1H", 3_600_000_000_000), ("0n", 0), ("00000010m", 10_000_000),
        ("99999999H", UInt64.max),
    ])
    func timeoutsAreRead(_ text: String, _ nanoseconds: UInt64) throws {
        #expect(try self.timeout(text) == nanoseconds)
    }

    @Test(arguments: [
        ("", "transport: timeout string is too short: \"\""),
        ("S", "transport: timeout string is too short: \"S\""),
        ("123456789m", "transport: timeout string is too long: \"123456789m\""),
        ("12x", "transport: timeout unit is not recognized: \"12x\""),
        ("1 S", "strconv.ParseInt: parsing \"1 \": invalid syntax"),
        ("-1S", "strconv.ParseInt: parsing \"-1\": invalid syntax"),
    ])
    func badTimeoutsAreNamed(_ text: String, _ message: String) {
        let error = #expect(throws: Timeout.Malformed.self) { try self.timeout(text) }
        #expect(error?.message == message)
    }

    @Test(
        arguments: [
            ("", []), ("AA==", [0]), ("AA", [0]), ("AQI=", [1, 2]), ("AQI", [1, 2]),
            ("AQID", [1, 2, 3]), ("+/+/", [251, 255, 191]),
        ] as [(String, [UInt8])]
    )
    func base64IsRead(_ text: String, _ bytes: [UInt8]) {
        #expect(Base64.decode(text.utf8) == bytes)
    }

    @Test(arguments: ["A", "AB", "A===", "AA=A", "A*==", "====", "AA=", "AA\n="])
    func whatIsNotBase64IsRefused(_ text: String) {
        #expect(Base64.decode(text.utf8) == nil)
    }
}
