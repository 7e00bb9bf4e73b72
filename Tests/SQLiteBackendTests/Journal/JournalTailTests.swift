import BackendTestKit
import ByreCore
import ByreTestKit
import SQLite
import SQLiteBackend
import Testing

/// What a start makes of the files that it finds.
@Suite struct JournalTailTests {
    private static let journal = "byre.db.journal.1"

    /// A store of which three batches are in the journal alone.
    private struct Crashed {
        var image: StoreImage
        /// What it holds after none, one, two and three of them.
        var histories: [History]
        /// Where the records of the three are.
        var records: [Range<Int>]
    }

    private func crash() throws -> Crashed {
        let directory = try TemporaryDirectory()
        let backend = try SQLiteBackend(directory: directory.path, limits: .small)
        _ = try backend.recovered()
        var history = History()
        history.create(1, "default")
        try backend.commit(history.take())
        // The first record is settled, the rest is not.
        history.write(1, [("settled", [9])])
        var batch = history.take()
        try backend.commit(batch)
        #expect(try !backend.settle(isIdle: true))
        var end = JournalRecord.bytes(payload: BatchEncoding.bytes(of: batch))
        var histories = [history]
        var records: [Range<Int>] = []
        for round in 1...3 {
            history.write(
                1,
                [("k\(round)", Bytes(repeating: UInt8(round), count: 11)), ("l", nil)]
            )
            history.grant(1, lease: Int64(round), ttlSeconds: 60)
            batch = history.take()
            try backend.commit(batch)
            histories.append(history)
            let size = JournalRecord.bytes(payload: BatchEncoding.bytes(of: batch))
            records.append(end..<end + size)
            end += size
        }
        let image = StoreImage(of: directory.path)
        backend.close()
        return Crashed(image: image, histories: histories, records: records)
    }

    /// Opening the image fails as damage, and leaves every byte of the journal as it is.
    private func expectDamage(_ image: StoreImage, _ what: String) throws {
        let directory = try TemporaryDirectory()
        try image.write(to: directory.path)
        let path = directory.path + "/byre.db"
        let findings = try SQLiteBackend.verify(path: path)
        #expect(findings.contains { $0.severity == .error && $0.message.contains(what) })
        let error = #expect(throws: StoreError.self) { try SQLiteBackend(path: path) }
        guard case .corrupt(_, let told) = error else {
            Issue.record("not damage, but \(String(describing: error))")
            return
        }
        #expect(told.contains(what), "\(told)")
        let after = StoreImage(of: directory.path)
        for (name, bytes) in image.files where name.contains("journal") {
            #expect(after.files[name] == bytes)
        }
    }

    @Test func whatIsInTheJournalAloneIsThereAfterAStart() throws {
        let crashed = try self.crash()
        try crashed.image.expect([crashed.histories[3]], "as it was left")
    }

    @Test func verificationLeavesTheJournalAlone() throws {
        let crashed = try self.crash()
        let directory = try TemporaryDirectory()
        try crashed.image.write(to: directory.path)
        #expect(try SQLiteBackend.verify(path: directory.path + "/byre.db") == [])
        let after = StoreImage(of: directory.path)
        for (name, bytes) in crashed.image.files { #expect(after.files[name] == bytes, "\(name)") }
    }

    @Test func aTornLastRecordDoesNotExistWhereverItWasTorn() throws {
        let crashed = try self.crash()
        let record = crashed.records[2]
        for length in 0..<record.count {
            var image = crashed.image
            for offset in record.dropFirst(length) { image.files[Self.journal]?[offset] = 0 }
            // The zeros that fill the record up are there whether they were written or not.
            let isWhole = image.files == crashed.image.files
            try image.expect([crashed.histories[isWhole ? 3 : 2]], "torn after \(length) bytes")
        }
        // The file itself may end there.
        for length in stride(from: 0, to: record.count, by: 7) {
            var image = crashed.image
            image.files[Self.journal]?.removeSubrange((record.lowerBound + length)...)
            try image.expect([crashed.histories[2]], "the file ends after \(length) bytes")
        }
    }

    @Test func aFlippedBitInTheLastRecordMakesItOneThatWasTorn() throws {
        let crashed = try self.crash()
        for offset in crashed.records[2] {
            var image = crashed.image
            image.files[Self.journal]?[offset] ^= 1 << UInt8(offset % 8)
            try image.expect([crashed.histories[2]], "byte \(offset)")
        }
    }

    @Test(arguments: [0, 1])
    func aDamagedRecordBeforeAnotherIsDamage(record: Int) throws {
        let crashed = try self.crash()
        let number = record + 2
        for offset in crashed.records[record] {
            var image = crashed.image
            image.files[Self.journal]?[offset] ^= 1 << UInt8(offset % 8)
            try self.expectDamage(image, "record \(number) is missing or damaged")
        }
    }

    @Test func aDamagedRecordThatSQLiteHasIsNotMissed() throws {
        let crashed = try self.crash()
        for offset in 0..<crashed.records[0].lowerBound {
            var image = crashed.image
            image.files[Self.journal]?[offset] ^= 1 << UInt8(offset % 8)
            try image.expect([crashed.histories[3]], "byte \(offset)")
        }
    }

    /// As a backup of the database file alone that was put back beside a journal.
    @Test func anOlderDatabaseBesideTheJournalIsDamage() throws {
        let directory = try TemporaryDirectory()
        let backend = try SQLiteBackend(directory: directory.path, limits: .small)
        var history = History()
        history.create(1, "default")
        try backend.commit(history.take())
        let old = StoreImage(of: directory.path)
        for _ in 0..<200 {
            history.write(1, [("k", Bytes(repeating: 1, count: 500))])
            try backend.commit(history.take())
            _ = try backend.settle(isIdle: true)
        }
        var image = StoreImage(of: directory.path)
        for name in ["byre.db", "byre.db-wal"] { image.files[name] = old.files[name] }
        backend.close()
        try self.expectDamage(image, "record 1 is missing or damaged")
    }

    @Test func aJournalOfTwoStoresIsDamage() throws {
        let one = try self.crash()
        let two = try self.crash()
        var image = one.image
        image.files["byre.db.journal.2"] = two.image.files[Self.journal]
        try self.expectDamage(image, "do not belong together")
    }

    /// Whatever a client's value looks like, it is no record.
    @Test func aValueThatHoldsARecordIsNoRecord() throws {
        let crashed = try self.crash()
        let file = crashed.image.files[Self.journal] ?? []
        // A record of another journal, numbered as the next one.
        let forged = Bytes(file[crashed.records[2]])
        let directory = try TemporaryDirectory()
        let backend = try SQLiteBackend(directory: directory.path, limits: .small)
        var history = History()
        history.create(1, "default")
        try backend.commit(history.take())
        for pad in 0..<8 {
            history.write(1, [("k", Bytes(repeating: 0, count: pad) + forged)])
            try backend.commit(history.take())
        }
        try StoreImage(of: directory.path).expect([history], "with the forged value inside")
        var image = StoreImage(of: directory.path)
        backend.close()
        // The first record's header is torn away, and its value lies bare: nothing is left of it but
        // the damage that it is.
        for offset in 0..<32 { image.files[Self.journal]?[offset] = 0 }
        try self.expectDamage(image, "record 1 is missing or damaged")
    }
}
