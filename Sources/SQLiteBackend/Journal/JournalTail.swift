import ByreCore
import Glibc

/// What the files of a journal hold that SQLite has not: read at start, and by verification.
struct JournalTail {
    /// Why the journal cannot be replayed.
    struct Damage: Error {
        let what: String
    }

    /// The batches to replay, in order; their numbers are consecutive.
    private(set) var batches: [NumberedBatch] = []
    /// Whether there is a journal at all.
    private(set) var isThere = false

    /// Reads the records after number `applied` beside the database file `path`.
    ///
    /// A record is written only when the one before is durable, and so the last one alone can be torn:
    /// then it was never acknowledged, and does not exist. Anything missing before another record is
    /// damage. Whole files are searched, and not up to the first byte that makes no sense, so that
    /// what follows it is seen.
    /// - Complexity: O(size of the files).
    init(path: String, after applied: Int64) throws(Damage) {
        var found: [(epoch: UInt64, batch: NumberedBatch)] = []
        for path in Journal.paths(of: path) {
            guard let file = try Self.read(path) else { continue }
            self.isThere = true
            var offset = 0
            let damage = file.withUnsafeBytes { bytes -> Damage? in
                while offset + JournalRecord.headerBytes <= bytes.count {
                    guard let record = JournalRecord.find(in: bytes, at: offset) else {
                        offset += 8
                        continue
                    }
                    offset = record.end
                    guard record.number > applied else { continue }
                    let payload = UnsafeRawBufferPointer(rebasing: bytes[record.payload])
                    guard let batch = try? BatchEncoding.decode(payload, record.format)
                    else {
                        return Damage(what: "record \(record.number) makes no sense")
                    }
                    found.append(
                        (
                            record.epoch,
                            NumberedBatch(
                                number: record.number,
                                batch: batch,
                                bytes: payload.count
                            )
                        )
                    )
                }
                return nil
            }
            if let damage { throw damage }
        }
        found.sort { $0.batch.number < $1.batch.number }
        guard found.allSatisfy({ $0.epoch == found[0].epoch }) else {
            throw Damage(what: "its files do not belong together")
        }
        for (place, record) in found.enumerated() {
            let expected = applied + 1 + Int64(place)
            guard record.batch.number == expected else {
                throw Damage(
                    what: "record \(expected) is missing or damaged, "
                        + "and record \(record.batch.number) is there"
                )
            }
        }
        self.batches = found.map(\.batch)
    }

    /// What a file holds; nil when there is none.
    private static func read(_ path: String) throws(Damage) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw Damage(what: "\(path): \(systemMessage())")
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            throw Damage(what: "\(path): \(systemMessage())")
        }
        var code: CInt = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: Int(status.st_size)) { buffer, count in
            while count < buffer.count {
                let read = pread(
                    descriptor,
                    buffer.baseAddress.map { $0 + count },
                    buffer.count - count,
                    count
                )
                if read < 0 {
                    if errno == EINTR { continue }
                    code = errno
                }
                guard read > 0 else { return }
                count += read
            }
        }
        guard code == 0 else { throw Damage(what: "\(path): \(systemMessage(code))") }
        return bytes
    }
}
