/// The frame around one batch in the journal.
///
/// Integers are little-endian. A record begins at a multiple of 8 bytes:
///
///      0   4 bytes   "BYJ2": the format; "BYJ1" when the payload says no time
///      4   4 bytes   length of the payload
///      8   8 bytes   epoch: a random number, drawn when the two files are made
///     16   8 bytes   number: store-wide, one more than that of the record before
///     24   8 bytes   checksum of the 24 bytes before and of the payload
///     32   length    the payload (``BatchEncoding``)
///          0 to 7    zeros, up to the next multiple of 8
///
/// The first record of a store, with a payload of 5 bytes `01 02 03 04 05`, is 40 bytes long:
///
///     42 59 4a 32  05 00 00 00  (epoch)  01 00 00 00 00 00 00 00  (checksum)
///     01 02 03 04 05 00 00 00
///
/// What a file held before is not erased when it is written over, and a payload holds what clients
/// like. The epoch, which no client knows, and the checksum tell a record from both.
package enum JournalRecord {
    static let headerBytes = 32

    /// What a payload is like.
    package enum Format: UInt32 {
        /// Before schema version 4: it does not say when its batch was committed.
        case undated = 0x314A_5942
        case dated = 0x324A_5942
    }

    /// Bytes that a record with a payload of `payload` bytes takes.
    package static func bytes(payload: Int) -> Int {
        (Self.headerBytes + payload + 7) & ~7
    }

    /// Writes the header in front of a payload that is in place, and the zeros after it.
    /// - Precondition: `record` has ``bytes(payload:)`` bytes.
    package static func seal(
        _ record: UnsafeMutableRawBufferPointer,
        payload: Int,
        epoch: UInt64,
        number: Int64,
        format: Format = .dated
    ) {
        record.storeBytes(of: format.rawValue.littleEndian, as: UInt32.self)
        record.storeBytes(of: UInt32(payload).littleEndian, toByteOffset: 4, as: UInt32.self)
        record.storeBytes(of: epoch.littleEndian, toByteOffset: 8, as: UInt64.self)
        record.storeBytes(of: number.littleEndian, toByteOffset: 16, as: Int64.self)
        for offset in Self.headerBytes + payload..<record.count { record[offset] = 0 }
        let sum = Self.checksum(UnsafeRawBufferPointer(record))
        record.storeBytes(of: sum.littleEndian, toByteOffset: 24, as: UInt64.self)
    }

    /// A record found in a file.
    struct Found {
        let format: Format
        let epoch: UInt64
        let number: Int64
        /// Where the payload is.
        let payload: Range<Int>
        /// Where the record ends.
        let end: Int
    }

    /// The record at `offset`, if a whole one is there.
    static func find(in file: UnsafeRawBufferPointer, at offset: Int) -> Found? {
        guard file.count - offset >= Self.headerBytes else { return nil }
        func load<T: FixedWidthInteger>(_ place: Int, as: T.Type) -> T {
            T(littleEndian: file.loadUnaligned(fromByteOffset: offset + place, as: T.self))
        }
        guard let format = Format(rawValue: load(0, as: UInt32.self)) else { return nil }
        let payload = Int(load(4, as: UInt32.self))
        let end = offset + Self.bytes(payload: payload)
        guard end <= file.count else { return nil }
        let record = UnsafeRawBufferPointer(rebasing: file[offset..<end])
        guard load(24, as: UInt64.self) == Self.checksum(record) else { return nil }
        let start = offset + Self.headerBytes
        return Found(
            format: format,
            epoch: load(8, as: UInt64.self),
            number: load(16, as: Int64.self),
            payload: start..<start + payload,
            end: end
        )
    }

    /// A sum over all of a record but its checksum, eight bytes a step.
    ///
    /// Each step is one-to-one in the sum so far and in the bytes it adds, so whatever changes within
    /// eight bytes of a record changes its sum.
    private static func checksum(_ record: UnsafeRawBufferPointer) -> UInt64 {
        var sum: UInt64 = 0x9E37_79B9_7F4A_7C15
        func add(_ offset: Int) {
            let word = record.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            let mixed = (sum ^ UInt64(littleEndian: word)) &* 0xD6E8_FEB8_6659_FD93
            sum = mixed ^ (mixed &>> 32)
        }
        add(0)
        add(8)
        add(16)
        var offset = Self.headerBytes
        while offset < record.count {
            add(offset)
            offset &+= 8
        }
        return sum
    }
}
