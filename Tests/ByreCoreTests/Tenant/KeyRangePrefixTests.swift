import ByreCore
import ByreTestKit
import Testing

/// A raw range clamped to a tenant holds exactly those of the tenant's keys that it held before.
@Suite struct KeyRangePrefixTests {
    @Test(
        arguments: [
            (KeyRange.key(Array("/a/x".utf8)), KeyRange.key(Array("x".utf8))),
            (.key(Array("/ax".utf8)), nil),
            (.key(Array("/a".utf8)), nil),
            (.all, .from(start: [])),
            (.from(start: [0]), .from(start: [])),
            (.from(start: Array("/a/x".utf8)), .from(start: Array("x".utf8))),
            (.from(start: Array("/a0".utf8)), nil),
            (.interval(start: Array("/a/".utf8), end: Array("/a0".utf8)), .from(start: [])),
            (
                .interval(start: Array("/a/b".utf8), end: Array("/a/c".utf8)),
                .interval(start: Array("b".utf8), end: Array("c".utf8))
            ),
            (
                .interval(start: [0], end: Array("/a/c".utf8)),
                .interval(start: [], end: Array("c".utf8))
            ),
            (.interval(start: [0], end: Array("/a/".utf8)), nil),
            (.interval(start: Array("/a/c".utf8), end: Array("/a/b".utf8)), nil),
        ] as [(KeyRange, KeyRange?)]
    )
    func rangesAreClampedToThePrefix(_ raw: KeyRange, _ own: KeyRange?) {
        #expect(raw.under(Array("/a/".utf8)) == own)
    }

    @Test(arguments: [
        (KeyRange.key(Array("/a/x".utf8)), true),
        (.key(Array("/b".utf8)), false),
        (.interval(start: Array("/a/".utf8), end: Array("/a0".utf8)), true),
        (.interval(start: Array("/a/".utf8), end: Array("/a0\0".utf8)), false),
        (.interval(start: Array("/a".utf8), end: Array("/a/z".utf8)), false),
        (.from(start: Array("/a/".utf8)), false),
        (.all, false),
    ])
    func whatReachesBeyondThePrefixDoesNotLieUnderIt(_ raw: KeyRange, _ lies: Bool) {
        #expect(raw.lies(under: Array("/a/".utf8)) == lies)
    }

    /// Short strings over few bytes, so that beginnings, neighbours and equals are frequent.
    private static func bytes(_ random: inout SeededGenerator, least: Int = 0) -> Bytes {
        let alphabet: [UInt8] = [0, 1, 0x2f, 0xfe, 0xff]
        return (0..<Int.random(in: least...3, using: &random)).map { _ in
            alphabet.randomElement(using: &random) ?? 0
        }
    }

    @Test(arguments: 0..<8)
    func clampingNeitherLosesNorAddsKeys(_ seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        for _ in 0..<4_000 {
            let prefix = Self.bytes(&random, least: 1)
            let raw = KeyRange(key: Self.bytes(&random), rangeEnd: Self.bytes(&random))
            let own = raw.under(prefix)
            var holdsOthers = false
            for _ in 0..<20 {
                let key = Self.bytes(&random)
                #expect(
                    raw.contains(prefix + key) == (own?.contains(key) ?? false),
                    "\(raw) under \(prefix): \(key)"
                )
                holdsOthers = holdsOthers || (raw.contains(key) && !key.starts(with: prefix))
            }
            if raw.lies(under: prefix) { #expect(!holdsOthers, "\(raw) under \(prefix)") }
        }
    }
}
