package import ByreCore

/// A batch as the payload of a journal record.
///
/// Integers are little-endian and fixed in width; each list begins with its count in 4 bytes.
///
///     tenants   id, revision, compact revision, sequence, allocated bytes: 8 bytes each
///     rows      row, tenant, mod revision, create revision, version, lease: 8 bytes each;
///               sub, length of key, length of value: 4 bytes each; the key; the value
///     leases    tenant, id, TTL in seconds, or `Int64.min` for a revocation: 8 bytes each
///     alarms    tenant, member id: 8 bytes each; kind as etcd numbers it, 1 if raised and 0 if
///               cleared: 4 bytes each
///     removed   tenant: 8 bytes; a list of rows: 8 bytes each
///     time      when the batch was committed, in seconds since 1970: 8 bytes, not in a list
///
/// Control state, as tenants that are created, is not among it (see ``SQLiteBackend/commit(_:)``), and
/// of a tenant only what changes with every batch.
package enum BatchEncoding {
    private static let tenantBytes = 40
    private static let rowBytes = 60
    private static let leaseBytes = 24
    private static let alarmBytes = 24
    private static let timeBytes = 8

    /// Bytes that `batch` takes.
    /// - Complexity: O(rows).
    package static func bytes(of batch: CommitBatch) -> Int {
        var bytes = 5 * 4 + Self.timeBytes
        bytes += batch.tenants.count * Self.tenantBytes
        bytes += batch.rows.count * Self.rowBytes
        for row in batch.rows { bytes += row.key.count + row.value.count }
        bytes += batch.leases.count * Self.leaseBytes
        bytes += batch.alarms.count * Self.alarmBytes
        for removed in batch.removedRows { bytes += 12 + removed.rows.count * 8 }
        return bytes
    }

    // MARK: Writing

    /// Writes `batch` into `buffer`, of exactly ``bytes(of:)`` bytes.
    package static func encode(_ batch: CommitBatch, into buffer: UnsafeMutableRawBufferPointer) {
        var writer = Writer(buffer: buffer)
        writer.put(UInt32(batch.tenants.count))
        for tenant in batch.tenants {
            writer.put(tenant.id.rawValue)
            writer.put(tenant.revision)
            writer.put(tenant.compactRevision)
            writer.put(tenant.sequence)
            writer.put(tenant.allocatedBytes)
        }
        writer.put(UInt32(batch.rows.count))
        for row in batch.rows {
            writer.put(row.version.row.rawValue)
            writer.put(row.tenant.rawValue)
            writer.put(row.version.modRevision)
            writer.put(row.version.createRevision)
            writer.put(row.version.version)
            writer.put(row.version.lease.rawValue)
            writer.put(row.version.sub)
            writer.put(UInt32(row.key.count))
            writer.put(UInt32(row.value.count))
            writer.put(row.key)
            writer.put(row.value)
        }
        writer.put(UInt32(batch.leases.count))
        for change in batch.leases {
            switch change {
            case .grant(let tenant, let lease): writer.put(tenant, lease.id, lease.ttlSeconds)
            case .revoke(let tenant, let id): writer.put(tenant, id, .min)
            }
        }
        writer.put(UInt32(batch.alarms.count))
        for change in batch.alarms {
            switch change {
            case .raise(let tenant, let alarm): writer.put(tenant, alarm, isRaised: 1)
            case .clear(let tenant, let alarm): writer.put(tenant, alarm, isRaised: 0)
            }
        }
        writer.put(UInt32(batch.removedRows.count))
        for removed in batch.removedRows {
            writer.put(removed.tenant.rawValue)
            writer.put(UInt32(removed.rows.count))
            for row in removed.rows { writer.put(row.rawValue) }
        }
        writer.put(batch.committedAt)
        assert(writer.offset == buffer.count, "a batch takes the bytes that it said")
    }

    private struct Writer {
        let buffer: UnsafeMutableRawBufferPointer
        var offset = 0

        mutating func put<T: FixedWidthInteger>(_ value: T) {
            self.buffer.storeBytes(of: value.littleEndian, toByteOffset: self.offset, as: T.self)
            self.offset += MemoryLayout<T>.size
        }

        mutating func put(_ bytes: Bytes) {
            guard !bytes.isEmpty else { return }
            let end = self.offset + bytes.count
            UnsafeMutableRawBufferPointer(rebasing: self.buffer[self.offset..<end])
                .copyBytes(from: bytes)
            self.offset = end
        }

        mutating func put(_ tenant: TenantID, _ lease: LeaseID, _ ttlSeconds: Int64) {
            self.put(tenant.rawValue)
            self.put(lease.rawValue)
            self.put(ttlSeconds)
        }

        mutating func put(_ tenant: TenantID, _ alarm: Alarm, isRaised: UInt32) {
            self.put(tenant.rawValue)
            self.put(alarm.memberID)
            self.put(alarm.kind.rawValue)
            self.put(isRaised)
        }
    }

    // MARK: Reading

    /// The payload is not what ``encode(_:into:)`` makes.
    package struct Malformed: Error {}

    /// Reads a batch back; of its tenants only what changes with every batch.
    package static func decode(
        _ payload: UnsafeRawBufferPointer,
        _ format: JournalRecord.Format = .dated
    ) throws(Malformed) -> CommitBatch {
        var reader = Reader(buffer: payload)
        var batch = CommitBatch()
        for _ in 0..<(try reader.count(Self.tenantBytes)) {
            batch.tenants.append(
                TenantRecord(
                    id: TenantID(rawValue: try reader.integer()),
                    revision: try reader.integer(),
                    compactRevision: try reader.integer(),
                    sequence: try reader.integer(),
                    allocatedBytes: try reader.integer(),
                    clusterID: 0,
                    memberID: 0
                )
            )
        }
        for _ in 0..<(try reader.count(Self.rowBytes)) { batch.rows.append(try reader.row()) }
        for _ in 0..<(try reader.count(Self.leaseBytes)) {
            batch.leases.append(try reader.leaseChange())
        }
        for _ in 0..<(try reader.count(Self.alarmBytes)) {
            batch.alarms.append(try reader.alarmChange())
        }
        for _ in 0..<(try reader.count(12)) {
            let tenant = TenantID(rawValue: try reader.integer())
            var rows: [RowID] = []
            for _ in 0..<(try reader.count(8)) {
                rows.append(RowID(rawValue: try reader.integer()))
            }
            batch.removedRows.append((tenant, rows))
        }
        switch format {
        case .undated: break
        case .dated: batch.committedAt = try reader.integer()
        }
        guard reader.offset == payload.count else { throw Malformed() }
        return batch
    }

    private struct Reader {
        let buffer: UnsafeRawBufferPointer
        var offset = 0

        mutating func integer<T: FixedWidthInteger>() throws(Malformed) -> T {
            guard self.buffer.count - self.offset >= MemoryLayout<T>.size else {
                throw Malformed()
            }
            defer { self.offset += MemoryLayout<T>.size }
            return T(
                littleEndian: self.buffer.loadUnaligned(
                    fromByteOffset: self.offset,
                    as: T.self
                )
            )
        }

        /// Reads how many elements follow, of at least `bytes` each.
        mutating func count(_ bytes: Int) throws(Malformed) -> Int {
            let count = Int(try self.integer() as UInt32)
            guard count <= (self.buffer.count - self.offset) / bytes else { throw Malformed() }
            return count
        }

        mutating func bytes(_ count: Int) throws(Malformed) -> Bytes {
            guard self.buffer.count - self.offset >= count else { throw Malformed() }
            defer { self.offset += count }
            return Bytes(self.buffer[self.offset..<self.offset + count])
        }

        mutating func row() throws(Malformed) -> CommitBatch.Row {
            let row = RowID(rawValue: try self.integer())
            let tenant = TenantID(rawValue: try self.integer())
            let modRevision: Int64 = try self.integer()
            let createRevision: Int64 = try self.integer()
            let version: Int64 = try self.integer()
            let lease = LeaseID(rawValue: try self.integer())
            let sub: UInt32 = try self.integer()
            let keyCount = Int(try self.integer() as UInt32)
            let valueSize: UInt32 = try self.integer()
            return CommitBatch.Row(
                tenant: tenant,
                key: try self.bytes(keyCount),
                version: Version(
                    modRevision: modRevision,
                    sub: sub,
                    valueSize: valueSize,
                    createRevision: createRevision,
                    version: version,
                    lease: lease,
                    row: row
                ),
                value: try self.bytes(Int(valueSize))
            )
        }

        mutating func leaseChange() throws(Malformed) -> CommitBatch.LeaseChange {
            let tenant = TenantID(rawValue: try self.integer())
            let id = LeaseID(rawValue: try self.integer())
            let ttlSeconds: Int64 = try self.integer()
            return ttlSeconds == .min
                ? .revoke(tenant, id)
                : .grant(tenant, LeaseRecord(id: id, ttlSeconds: ttlSeconds))
        }

        mutating func alarmChange() throws(Malformed) -> CommitBatch.AlarmChange {
            let tenant = TenantID(rawValue: try self.integer())
            let memberID: UInt64 = try self.integer()
            guard let kind = Alarm.Kind(rawValue: try self.integer()) else { throw Malformed() }
            let alarm = Alarm(kind, memberID: memberID)
            switch try self.integer() as UInt32 {
            case 0: return .clear(tenant, alarm)
            case 1: return .raise(tenant, alarm)
            default: throw Malformed()
            }
        }
    }
}
