import EtcdAPI

/// The bytes of an archive's file around its frames.
///
/// ```
/// "BYREARC1"  length (4, little-endian)  CRC-32C (4, little-endian)  message  length ...
/// ```
///
/// What the messages are, `proto/byre/v1/archive.proto` says.
package enum ArchiveFile {
    /// What a file begins with.
    package static let magic = Array("BYREARC1".utf8)
    /// Bytes of the length and the checksum before a message.
    package static let prefixLength = 8
    /// Bytes a message may have; a longer one is refused. The largest value that a server takes
    /// fits.
    package static let messageBytesMax = 600 << 20

    /// An encoded message with its length and checksum before it.
    package static func framed(_ message: [UInt8]) -> [UInt8] {
        precondition(message.count <= self.messageBytesMax, "a frame is bounded")
        var frame: [UInt8] = []
        frame.reserveCapacity(self.prefixLength + message.count)
        for number in [UInt32(message.count), self.checksum(of: message)] {
            withUnsafeBytes(of: number.littleEndian) { frame.append(contentsOf: $0) }
        }
        frame += message
        return frame
    }

    /// A message with its length and checksum before it.
    package static func framed(_ frame: ByreArchiveFrame) -> [UInt8] {
        self.framed(frame.encoded())
    }

    static func checksum(of message: [UInt8]) -> UInt32 {
        var checksum = CRC32C()
        checksum.update(message)
        return checksum.value
    }
}

/// Takes an archive's file apart, piece by piece.
package struct ArchiveFileReader {
    private var bytes: [UInt8] = []
    /// Bytes at the beginning of `bytes` that have been read.
    private var offset = 0
    private var hasMagic = false
    /// Whether the last frame was read.
    package private(set) var hasEnded = false

    package init() {}

    /// Adds what follows in the file.
    package mutating func append(_ piece: some Collection<UInt8>) {
        if self.offset > 0 {
            self.bytes.removeFirst(self.offset)
            self.offset = 0
        }
        self.bytes += piece
    }

    /// Reads the next frame.
    /// - Returns: nil when it is not whole yet.
    /// - Throws: ``ArchiveError`` when the file is no archive, or is damaged.
    package mutating func next() throws(ArchiveError) -> ByreArchiveFrame? {
        if !self.hasMagic {
            guard let magic = self.peek(ArchiveFile.magic.count) else { return nil }
            guard magic.elementsEqual(ArchiveFile.magic) else {
                throw ArchiveError("is not an archive of a tenant")
            }
            self.hasMagic = true
            self.offset += ArchiveFile.magic.count
        }
        guard let prefix = self.peek(ArchiveFile.prefixLength) else { return nil }
        guard !self.hasEnded else { throw ArchiveError("goes on after its end") }
        let length = Int(Self.number(prefix.prefix(4)))
        guard length <= ArchiveFile.messageBytesMax else {
            throw ArchiveError("is damaged: a frame claims to have \(length) bytes")
        }
        guard let whole = self.peek(ArchiveFile.prefixLength + length) else { return nil }
        let message = Array(whole.dropFirst(ArchiveFile.prefixLength))
        guard ArchiveFile.checksum(of: message) == Self.number(prefix.suffix(4)) else {
            throw ArchiveError("is damaged: a checksum does not match")
        }
        self.offset += ArchiveFile.prefixLength + length
        let frame: ByreArchiveFrame
        do throws(WireError) {
            frame = try ByreArchiveFrame(decoding: message.span.bytes)
        } catch {
            throw ArchiveError("holds a frame that is no message")
        }
        if case .end = frame.content { self.hasEnded = true }
        return frame
    }

    /// Checks that the file ended where it should, once nothing follows.
    /// - Throws: ``ArchiveError`` when it is cut.
    package func finish() throws(ArchiveError) {
        guard self.hasEnded else {
            throw ArchiveError(
                self.hasMagic ? "is cut: its end is missing" : "is not an archive of a tenant"
            )
        }
        guard self.offset == self.bytes.count else { throw ArchiveError("goes on after its end") }
    }

    private func peek(_ count: Int) -> ArraySlice<UInt8>? {
        guard self.bytes.count - self.offset >= count else { return nil }
        return self.bytes[self.offset..<self.offset + count]
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        bytes.reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }
}
