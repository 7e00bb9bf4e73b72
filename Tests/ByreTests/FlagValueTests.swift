import Testing
import byre

@Suite struct FlagValueTests {
    @Test(arguments: [
        ("0", Duration.zero),
        ("0s", .zero),
        ("5s", .seconds(5)),
        ("10m", .seconds(600)),
        ("1h30m", .seconds(5_400)),
        ("2h45m30s", .seconds(9_930)),
        ("300ms", .milliseconds(300)),
        ("1.5h", .seconds(5_400)),
        (".5s", .milliseconds(500)),
        ("1.s", .seconds(1)),
        ("0.000001s", .microseconds(1)),
        ("7us", .microseconds(7)),
        ("7µs", .microseconds(7)),
        ("7μs", .microseconds(7)),
        ("9ns", .nanoseconds(9)),
        ("-5s", .seconds(-5)),
        ("+5s", .seconds(5)),
        ("2562047h", .seconds(2_562_047 * 3_600)),
    ])
    func durationsReadAsInGo(text: String, expected: Duration) throws {
        #expect(try Duration(flagText: text) == expected)
    }

    @Test(arguments: [
        "", "5", "s", "-", ".s", "5x", "5 s", "1h-30m", "5S", "９s", "9999999999h", "1e3s", "0.5",
        "1..5s",
    ])
    func otherDurationsAreRefused(text: String) {
        #expect(throws: FlagValueError.self) { try Duration(flagText: text) }
    }

    @Test(arguments: [
        ("0s", Duration.zero), ("10ms", .milliseconds(10)), ("1500ms", .milliseconds(1_500)),
        ("20s", .seconds(20)), ("10m", .seconds(600)), ("2h", .seconds(7_200)),
        ("1h1m1s", .seconds(3_661)), ("3us", .microseconds(3)), ("4ns", .nanoseconds(4)),
        ("-5s", .seconds(-5)),
    ])
    func durationsShowAsTextThatReadsBack(text: String, duration: Duration) throws {
        #expect(duration.flagText == text)
        #expect(try Duration(flagText: text) == duration)
    }

    @Test(arguments: [
        ("0", 0), ("12", 12), ("-3", -3), ("+4", 4), ("0x10", 16), ("0b101", 5), ("0o17", 15),
        ("017", 15), ("8589934592", 8_589_934_592),
    ])
    func integersReadAsInGo(text: String, expected: Int) throws {
        #expect(try Int(flagText: text) == expected)
    }

    @Test(arguments: ["", "x", "1.5", "--1", "+-1", "0x", "08", "9223372036854775808", "1 "])
    func otherIntegersAreRefused(text: String) {
        #expect(throws: FlagValueError.self) { try Int(flagText: text) }
    }

    @Test func unsignedIntegersAreNotNegative() {
        #expect(throws: FlagValueError.self) { try UInt32(flagText: "-1") }
        #expect(throws: FlagValueError.self) { try UInt32(flagText: "4294967296") }
    }

    @Test(arguments: [
        ("true", true), ("T", true), ("1", true), ("false", false), ("f", false), ("0", false),
    ])
    func booleansReadAsInGo(text: String, expected: Bool) throws {
        #expect(try Bool(flagText: text) == expected)
    }

    @Test func otherBooleansAreRefused() {
        #expect(throws: FlagValueError.self) { try Bool(flagText: "yes") }
    }

    @Test func listsSplitAtCommasAndDropRepetitions() throws {
        #expect(try [String](flagText: "a,b,a") == ["a", "b"])
        #expect(try [String](flagText: "").isEmpty)
    }

    @Test func anEmptyTextIsNoValue() throws {
        #expect(try String?(flagText: "") == nil)
        #expect(try String?(flagText: "x") == "x")
    }
}
