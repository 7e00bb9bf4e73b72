import ByreCore
import ByreTestKit
import Engine
import Glibc
import Testing

/// What tenants cost that nobody uses.
@Suite struct TenantSizeTests {
    /// Bytes of memory that the process has.
    ///
    /// See: proc(5), `/proc/pid/statm`.
    private static func residentBytes() -> Int {
        let file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
        defer { close(file) }
        let text = [UInt8](unsafeUninitializedCapacity: 256) { buffer, count in
            count = max(0, read(file, buffer.baseAddress, buffer.count))
        }
        let words = text.split(separator: UInt8(ascii: " "))
        guard words.count > 1 else { return 0 }
        return (Int(String(decoding: words[1], as: UTF8.self)) ?? 0) * Int(getpagesize())
    }

    /// In a process of its own, where nobody else allocates.
    @Test func aTenantWithoutKeysTakesLittleMemory() async {
        await #expect(processExitsWith: .success) {
            let fixture = try StoreFixture()
            // What grows once, whoever comes.
            for number in 2...200 { _ = try fixture.create(.numbered(number)) }
            let before = Self.residentBytes()
            for number in 201...1_200 { _ = try fixture.create(.numbered(number)) }
            let bytes = (Self.residentBytes() - before) / 1_000
            // The backend in memory holds a definition too, and its checks copy all of them.
            #expect(bytes < 16 << 10, "\(bytes) bytes a tenant")
            print("bytes a tenant: \(bytes)")
            fixture.stop()
        }
    }
}
