import ByreCore
import ByreTestKit
import SQLiteBackend
import Testing

@Suite struct BatchEncodingTests {
    private static func encoded(_ batch: CommitBatch) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: BatchEncoding.bytes(of: batch)) { buffer, count in
            BatchEncoding.encode(batch, into: UnsafeMutableRawBufferPointer(buffer))
            count = buffer.count
        }
    }

    private static func decoded(_ bytes: [UInt8]) throws -> CommitBatch {
        try bytes.withUnsafeBytes { try BatchEncoding.decode($0) }
    }

    /// A batch of anything, without regard to what fits together.
    private static func random(_ random: inout SeededGenerator) -> CommitBatch {
        func bytes(_ most: Int) -> Bytes {
            (0..<Int.random(in: 0...most, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
        }
        func integer() -> Int64 {
            let edges: [Int64] = [0, 1, -1, .max, .min + 1]
            return Bool.random(using: &random)
                ? edges.randomElement(using: &random) ?? 0
                : Int64.random(in: .min + 1...(.max), using: &random)
        }
        func count() -> Int { Int.random(in: 0...4, using: &random) }
        func tenant() -> TenantID { TenantID(rawValue: integer()) }
        func alarm() -> Alarm {
            Alarm(
                Bool.random(using: &random) ? .noSpace : .corrupt,
                memberID: UInt64(bitPattern: integer())
            )
        }
        var batch = CommitBatch()
        batch.committedAt = integer()
        for _ in 0..<count() {
            batch.tenants.append(
                TenantRecord(
                    id: tenant(),
                    revision: integer(),
                    compactRevision: integer(),
                    sequence: integer(),
                    allocatedBytes: integer(),
                    clusterID: 0,
                    memberID: 0
                )
            )
        }
        for _ in 0..<count() {
            let value = bytes(300)
            let version = Version(
                modRevision: integer(),
                sub: UInt32.random(in: 0...(.max), using: &random),
                valueSize: UInt32(value.count),
                createRevision: integer(),
                version: integer(),
                lease: LeaseID(rawValue: integer()),
                row: RowID(rawValue: integer())
            )
            batch.rows.append(
                .init(tenant: tenant(), key: bytes(40), version: version, value: value)
            )
        }
        for _ in 0..<count() {
            let lease = LeaseRecord(id: LeaseID(rawValue: integer()), ttlSeconds: integer())
            batch.leases.append(
                Bool.random(using: &random)
                    ? .grant(tenant(), lease) : .revoke(tenant(), lease.id)
            )
        }
        for _ in 0..<count() {
            batch.alarms.append(
                Bool.random(using: &random)
                    ? .raise(tenant(), alarm()) : .clear(tenant(), alarm())
            )
        }
        for _ in 0..<count() {
            batch.removedRows.append(
                (tenant(), (0..<count()).map { _ in RowID(rawValue: integer()) })
            )
        }
        return batch
    }

    @Test(arguments: 0..<300 as Range<UInt64>)
    func whatIsDecodedIsWhatWasEncoded(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let batch = Self.random(&random)
        let read = try Self.decoded(Self.encoded(batch))
        // Everything in a batch is a value that prints all of itself.
        #expect("\(read)" == "\(batch)")
        #expect(read.tenants == batch.tenants)
    }

    @Test func whatIsCutOffOrToppedUpIsRefused() throws {
        for seed in 0..<20 as Range<UInt64> {
            var random = SeededGenerator(seed: seed)
            let bytes = Self.encoded(Self.random(&random))
            for count in 0..<bytes.count {
                #expect(throws: BatchEncoding.Malformed.self) {
                    try Self.decoded(Array(bytes.prefix(count)))
                }
            }
            #expect(throws: BatchEncoding.Malformed.self) { try Self.decoded(bytes + [0]) }
        }
    }

    @Test func bytesOfAnythingAreReadOrRefused() {
        var random = SeededGenerator(seed: 1)
        for _ in 0..<2_000 {
            let count = Int.random(in: 0...200, using: &random)
            var bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
            // Small counts, so that it gets beyond the first list.
            if count > 8 { bytes.replaceSubrange(0..<8, with: [0, 0, 0, 0, 1, 0, 0, 0]) }
            _ = try? Self.decoded(bytes)
        }
    }
}
