import ByreCore
import ByreTestKit
import Engine
import GRPC
import Testing

/// Checksums of all that a tenant holds.
@Suite struct HashKVTests {
    /// A PutRequest with a value of 700,000 bytes.
    private static func largePut(_ key: UInt8) -> [UInt8] {
        [10, 1, key, 18, 0xE0, 0xDC, 0x2A] + [UInt8](repeating: key, count: 700_000)
    }

    @Test func aChecksumLetsOthersReadInBetween() throws {
        let fixture = try ServerFixture { _ in }
        for key in 97...101 as ClosedRange<UInt8> {
            try fixture.finish([try fixture.call("KV/Put", Self.largePut(key))])
        }
        let before = fixture.backend.scans
        let hash = try fixture.call("Maintenance/HashKV", [])
        // A slice ends after a mebibyte; the next is asked for on the loop.
        try fixture.loop.runOne()
        #expect(hash.outcome == nil)
        try fixture.finish([hash])
        #expect(hash.outcome == .ok)
        #expect(fixture.backend.scans - before == 3)
    }

    @Test func aCallThatIsLetGoEndsItsChecksum() throws {
        let fixture = try ServerFixture { _ in }
        for key in 97...101 as ClosedRange<UInt8> {
            try fixture.finish([try fixture.call("KV/Put", Self.largePut(key))])
        }
        let before = fixture.backend.scans
        let hash = try fixture.call("Maintenance/HashKV", [])
        hash.close()
        try fixture.loop.runOne()
        try fixture.settle()
        #expect(fixture.backend.scans - before == 1)
    }
}
