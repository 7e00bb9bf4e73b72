import ByreAPI
import EtcdAPI
import Glibc

/// Puts keys into the order in which they were written, however many there are.
///
/// What does not fit into memory is sorted in runs, each in a temporary file without a name, and
/// merged: <https://en.wikipedia.org/wiki/External_sorting>. A run is a sequence of messages, each
/// after its length in 4 bytes.
final class KeySorter {
    /// Bytes of keys and values in memory; with more a run is written.
    static let memoryBytesMax = 64 << 20

    private(set) var count = 0
    private let memoryBytesMax: Int
    private var keys: [ByreArchiveKey] = []
    private var bytes = 0
    private var runs: [SortedRun] = []
    private let directory: String

    init(memoryBytesMax: Int = KeySorter.memoryBytesMax) throws(CommandFailure) {
        self.memoryBytesMax = memoryBytesMax
        self.directory = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    }

    /// Adds a key. Its `sub` is not looked at: see ``forEach(_:)``.
    func add(_ key: ByreArchiveKey) throws(CommandFailure) {
        self.count += 1
        self.keys.append(key)
        self.bytes += key.key.count + key.value.count
        if self.bytes >= self.memoryBytesMax { try self.spill() }
    }

    private func spill() throws(CommandFailure) {
        self.keys.sort(by: Self.isBefore)
        self.runs.append(try SortedRun(self.keys, in: self.directory))
        self.keys = []
        self.bytes = 0
    }

    static func isBefore(_ one: ByreArchiveKey, _ other: ByreArchiveKey) -> Bool {
        guard one.modRevision == other.modRevision else {
            return one.modRevision < other.modRevision
        }
        return one.key.lexicographicallyPrecedes(other.key)
    }

    /// Hands out all keys, ascending by revision. Keys of one revision come in the order of their
    /// names, and get their `sub` by it: etcd does not tell in which order a transaction wrote them.
    ///
    /// Once.
    func forEach(
        _ body: (ByreArchiveKey) throws(CommandFailure) -> Void
    ) throws(CommandFailure) {
        self.keys.sort(by: Self.isBefore)
        var heads: [(key: ByreArchiveKey, run: SortedRun?)] = []
        for run in self.runs {
            try run.rewind()
            if let key = try run.next() { heads.append((key, run)) }
        }
        var rest = self.keys[...]
        if let key = rest.popFirst() { heads.append((key, nil)) }
        var last: (revision: Int64, sub: UInt32) = (0, 0)
        // There is a run for each `memoryBytesMax` bytes: few enough to look at each head.
        while let least = heads.indices.min(by: { Self.isBefore(heads[$0].key, heads[$1].key) }) {
            var key = heads[least].key
            key.sub = key.modRevision == last.revision ? last.sub + 1 : 0
            last = (key.modRevision, key.sub)
            try body(key)
            let next =
                try heads[least].run.map { run throws(CommandFailure) in try run.next() }
                ?? (heads[least].run == nil ? rest.popFirst() : nil)
            if let next {
                heads[least].key = next
            } else {
                heads.remove(at: least)
            }
        }
    }
}

/// Keys in a temporary file, which is gone when this object is.
private final class SortedRun {
    private static let name = "temporary file"
    private static let lengthBytes = 4
    private static let writeBytes = 1 << 20

    private let descriptor: CInt
    private var buffer: [UInt8] = []
    private var offset = 0

    init(_ keys: [ByreArchiveKey], in directory: String) throws(CommandFailure) {
        var template = Array("\(directory)/byre-import-XXXXXX".utf8CString)
        self.descriptor = mkstemp(&template)
        guard self.descriptor >= 0 else { throw RawStream.failure(directory, errno) }
        unlink(template)
        var bytes: [UInt8] = []
        for key in keys {
            let message = key.encoded()
            withUnsafeBytes(of: UInt32(message.count).littleEndian) {
                bytes.append(contentsOf: $0)
            }
            bytes += message
            if bytes.count >= Self.writeBytes {
                try RawStream.write(bytes, to: self.descriptor, of: Self.name)
                bytes.removeAll(keepingCapacity: true)
            }
        }
        try RawStream.write(bytes, to: self.descriptor, of: Self.name)
    }

    deinit {
        close(self.descriptor)
    }

    func rewind() throws(CommandFailure) {
        guard lseek(self.descriptor, 0, SEEK_SET) == 0 else {
            throw RawStream.failure(Self.name, errno)
        }
    }

    func next() throws(CommandFailure) -> ByreArchiveKey? {
        guard try self.fill(Self.lengthBytes) else { return nil }
        let length = self.buffer[self.offset..<self.offset + Self.lengthBytes].reversed()
            .reduce(0) { $0 << 8 | Int($1) }
        guard try self.fill(Self.lengthBytes + length) else {
            throw CommandFailure("a \(Self.name) was cut by somebody else")
        }
        let start = self.offset + Self.lengthBytes
        let message = self.buffer[start..<start + length]
        self.offset = start + length
        do throws(WireError) {
            return try ByreArchiveKey(decoding: message.span.bytes)
        } catch {
            throw CommandFailure("a \(Self.name) was changed by somebody else")
        }
    }

    /// Has the buffer hold `count` bytes from the offset on.
    /// - Returns: false at the end of the file.
    private func fill(_ count: Int) throws(CommandFailure) -> Bool {
        while self.buffer.count - self.offset < count {
            let piece = try RawStream.read(self.descriptor, of: Self.name)
            if piece.isEmpty { return false }
            self.buffer.removeFirst(self.offset)
            self.offset = 0
            self.buffer += piece
        }
        return true
    }
}
