import ByreCore
import Glibc
import SQLiteBackend

/// A directory that is removed with its files.
private final class Scratch {
    let path: String

    init() throws {
        let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(parent)/byre-micro-XXXXXX".utf8CString)
        guard let made = mkdtemp(&template) else {
            throw MicroBenchmark.Surprise(what: "no directory could be made")
        }
        self.path = String(cString: made)
    }

    deinit {
        guard let directory = opendir(self.path) else { return }
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            unlink("\(self.path)/\(name)")
        }
        closedir(directory)
        rmdir(self.path)
    }
}

extension MicroBenchmark {
    /// Commits of one row of 1 KiB, each synced to the journal.
    static let appendToSQLite = MicroBenchmark(name: "sqlite-append", iterations: 1_000) {
        let scratch = try Scratch()
        let backend = try SQLiteBackend(directory: scratch.path)
        var record = TenantRecord(
            id: TenantID(rawValue: 1),
            uid: "00000000-0000-4000-8000-000000000001"
        )
        let definition = TenantDefinition(
            name: "micro",
            uid: "00000000-0000-4000-8000-000000000001",
            prefix: TenantDefinition.defaultPrefix(of: "micro"),
            createdAt: 1_700_000_000
        )
        var first = CommitBatch()
        first.registry = [.create(record, definition)]
        try backend.commit(first)
        return { iteration in
            // Held for as long as the store is open.
            _ = scratch
            record.revision += 1
            var batch = CommitBatch()
            batch.rows = [
                CommitBatch.Row(
                    tenant: record.id,
                    key: MicroKeys.all[MicroKeys.scattered(iteration)],
                    version: Version(
                        modRevision: record.revision,
                        sub: 0,
                        valueSize: UInt32(MicroKeys.value.count),
                        createRevision: record.revision,
                        version: 1,
                        lease: .none,
                        row: RowID(rawValue: Int64(iteration) + 1)
                    ),
                    value: MicroKeys.value
                )
            ]
            batch.tenants = [record]
            try backend.commit(batch)
        }
    }
}
