import BackendTestKit
import ByreCore
import ByreTestKit
import Glibc
import SQLite
import SQLiteBackend
import Testing

/// Dedicated tenants: a file for each, made and removed with the tenant whenever a crash comes.
@Suite struct HomesTests {
    private let directory: TemporaryDirectory
    private let contract: BackendContract

    init() throws {
        let directory = try TemporaryDirectory()
        self.directory = directory
        self.contract = BackendContract { try SQLiteStore(path: directory.path + "/byre.db") }
    }

    private var main: String { self.directory.path + "/byre.db" }
    private var folder: String { self.directory.path + "/byre.d" }

    /// The contract of backends, kept where no tenant has a file of its own.
    @Test(arguments: BackendContract.promises)
    func keeps(_ promise: BackendContract.Promise) throws {
        try self.contract.keeps(promise)
    }

    // MARK: Batches

    private static func definition(_ number: Int) -> TenantDefinition {
        var definition = TenantDefinition.numbered(number)
        definition.isolation = .dedicated
        definition.home = "t\(number).db"
        return definition
    }

    private static func record(_ number: Int) -> TenantRecord {
        TenantRecord(
            id: TenantID(rawValue: Int64(number)),
            uid: Self.definition(number).uid
        )
    }

    private static func create(_ number: Int) -> CommitBatch {
        var batch = CommitBatch()
        batch.registry = [.create(Self.record(number), Self.definition(number))]
        return batch
    }

    private static func change(_ changes: RegistryChange...) -> CommitBatch {
        var batch = CommitBatch()
        batch.registry = changes
        return batch
    }

    /// Puts one key, at the tenant's second revision.
    private static func put(_ number: Int, _ value: String) -> CommitBatch {
        var record = Self.record(number)
        let row = RowID.first(of: record.id)
        record.revision = 2
        record.sequence = 1
        record.lastRow = row
        var batch = CommitBatch()
        batch.tenants = [record]
        batch.rows = [
            CommitBatch.Row(
                tenant: record.id,
                key: Bytes("k".utf8),
                version: Version(
                    modRevision: 2,
                    sub: 0,
                    valueSize: UInt32(value.utf8.count),
                    createRevision: 2,
                    version: 1,
                    lease: .none,
                    row: row
                ),
                value: Bytes(value.utf8)
            )
        ]
        return batch
    }

    private func open() throws -> SQLiteStore {
        let store = try SQLiteStore(path: self.main)
        return store
    }

    /// The names of tenants, as a start finds them.
    private func recovered() throws -> Recovered {
        let store = try self.open()
        defer { store.close() }
        return try store.recovered()
    }

    // MARK: Files

    @Test func whatATenantHoldsIsInItsFileAlone() throws {
        let store = try self.open()
        _ = try store.recovered()
        for number in 1...3 {
            try store.commit(Self.create(number))
            try store.commit(Self.put(number, "value \(number)"))
        }
        let reader = try store.makeReader()
        for number in 1...3 {
            let id = TenantID(rawValue: Int64(number))
            var values: [Bytes] = []
            try reader.values(of: id, rows: [.first(of: id)]) { values.append($1) }
            #expect(values == [Bytes("value \(number)".utf8)])
        }
        store.close()
        let files = names(in: self.folder).filter { $0.hasSuffix(".db") }
        #expect(files == ["t1.db", "t2.db", "t3.db"])

        let alone = try SQLiteBackend(path: self.folder + "/t2.db")
        let own = try alone.recovered()
        alone.close()
        #expect(own.tenants.map(\.definition) == [Self.definition(2).atHome])
        #expect(own.rows.map(\.tenant) == [TenantID(rawValue: 2)])
        let main = try SQLiteBackend(path: self.main)
        #expect(try main.recovered().rows.isEmpty)
        main.close()
        #expect(try self.recovered().tenants.map(\.record.revision) == [2, 2, 2])
    }

    @Test func moreTenantsThanAReaderKeepsOpenAreRead() throws {
        let store = try self.open()
        _ = try store.recovered()
        let numbers = 1...40
        for number in numbers {
            try store.commit(Self.create(number))
            try store.commit(Self.put(number, "value \(number)"))
        }
        let reader = try store.makeReader()
        for number in Array(numbers) + [1, 40, 20] {
            let id = TenantID(rawValue: Int64(number))
            var value = Bytes()
            try reader.values(of: id, rows: [.first(of: id)]) { value = $1 }
            #expect(value == Bytes("value \(number)".utf8))
        }
        store.close()
    }

    @Test func aFileThatIsThereIsNotTaken() throws {
        let store = try self.open()
        _ = try store.recovered()
        #expect(try store.chooseHome(for: Self.definition(1)) == "t1.db")
        try store.commit(Self.create(1))
        #expect(throws: HomeRefusal.self) { try store.chooseHome(for: Self.definition(1)) }
        store.close()
    }

    @Test func aTenantWhoseFileCannotBeMadeIsNotCreated() throws {
        let store = try self.open()
        _ = try store.recovered()
        // In the way of the directory.
        let descriptor = creat(self.folder, 0o600)
        close(descriptor)
        #expect(throws: BackendError.self) { try store.commit(Self.create(1)) }
        unlink(self.folder)
        try store.commit(Self.create(1))
        try store.commit(Self.put(1, "x"))
        store.close()
        #expect(try self.recovered().rows.count == 1)
    }

    // MARK: Crashes

    /// What a crash leaves between two steps of a creation.
    enum Cut: CaseIterable {
        case beforeTheFile
        case withHalfAFile
        case beforeTheTenantIsInTheFile
        case beforeTheFileIsNoted
    }

    @Test(arguments: Cut.allCases)
    func aStartFinishesACreation(_ cut: Cut) throws {
        try self.open().close()
        let main = try SQLiteBackend(path: self.main)
        _ = try main.recovered()
        try main.commit(Self.create(1))
        main.close()
        switch cut {
        case .beforeTheFile: break
        case .withHalfAFile:
            mkdir(self.folder, 0o700)
            close(creat(self.folder + "/t1.db.new", 0o600))
        case .beforeTheTenantIsInTheFile, .beforeTheFileIsNoted:
            let home = try SQLiteBackend(path: self.folder + "/t1.db")
            _ = try home.recovered()
            if cut == .beforeTheFileIsNoted {
                try home.commit(
                    Self.change(.create(Self.record(1), Self.definition(1).atHome))
                )
            }
            home.close()
        }
        for _ in 0..<2 {
            #expect(try self.recovered().tenants.map(\.definition) == [Self.definition(1)])
        }
        let store = try self.open()
        _ = try store.recovered()
        try store.commit(Self.put(1, "x"))
        store.close()
        #expect(try self.recovered().rows.count == 1)
    }

    @Test func anErasureGoesOnWhereItWasCut() throws {
        let store = try self.open()
        _ = try store.recovered()
        try store.commit(Self.create(1))
        try store.commit(Self.put(1, "x"))
        var deleting = Self.definition(1)
        deleting.delete(reclaimAt: 1_700_000_001)
        deleting.generation = 2
        try store.commit(Self.change(.define(TenantID(rawValue: 1), deleting)))
        #expect(names(in: self.folder).contains("t1.db"))
        try store.commit(Self.change(.beginErasing(TenantID(rawValue: 1))))
        #expect(names(in: self.folder).contains("t1.db"))
        store.close()
        // A crash after the first of its files.
        unlink(self.folder + "/t1.db")

        let again = try self.open()
        let recovered = try again.recovered()
        #expect(recovered.tenants.map(\.isErasing) == [true])
        try again.commit(Self.change(.erase(TenantID(rawValue: 1))))
        #expect(names(in: self.folder).isEmpty)
        again.close()
        #expect(try self.recovered().tenants.isEmpty)
    }

    /// Erases t1 to where its row says so, and has a crash come after its files are gone.
    private func cutErasure() throws {
        let store = try self.open()
        _ = try store.recovered()
        try store.commit(Self.create(1))
        var deleting = Self.definition(1)
        deleting.delete(reclaimAt: 1_700_000_001)
        deleting.generation = 2
        try store.commit(Self.change(.define(TenantID(rawValue: 1), deleting)))
        try store.commit(Self.change(.beginErasing(TenantID(rawValue: 1))))
        store.close()
        for name in names(in: self.folder) { unlink(self.folder + "/" + name) }
    }

    @Test(arguments: [true, false])
    func anErasureSparesWhatSomebodyPutInThePlaceOfAFile(isStore: Bool) throws {
        try self.cutErasure()
        let path = self.folder + "/t1.db"
        if isStore {
            let other = try SQLiteBackend(path: path)
            _ = try other.recovered()
            try other.commit(Self.change(.create(Self.record(9), Self.definition(9).atHome)))
            other.close()
        } else {
            close(creat(path, 0o600))
        }
        let store = try self.open()
        _ = try store.recovered()
        try store.commit(Self.change(.erase(TenantID(rawValue: 1))))
        store.close()
        #expect(names(in: self.folder).contains("t1.db"))
        #expect(try self.recovered().tenants.isEmpty)
        guard isStore else { return }
        let other = try SQLiteBackend(path: path)
        #expect(try other.recovered().tenants.map(\.definition) == [Self.definition(9).atHome])
        other.close()
    }

    @Test func aPlaceIsTakenUntilTheErasureIsDone() throws {
        try self.cutErasure()
        let store = try self.open()
        _ = try store.recovered()
        var next = TenantDefinition.numbered(2, name: "t1")
        next.isolation = .dedicated
        #expect(throws: HomeRefusal.self) { try store.chooseHome(for: next) }
        // Nor does anything get into the main file instead.
        #expect(throws: BackendError.self) { try store.commit(Self.put(1, "x")) }
        try store.commit(Self.change(.erase(TenantID(rawValue: 1))))
        #expect(try store.chooseHome(for: next) == "t1.db")
        store.close()
    }

    /// Two definitions that only homes had would be in each other's way at a start.
    @Test func anIdentityMovesOnlyWhenTheMainFileSaysThatItIsFree() throws {
        let identity = TenantIdentity(.commonName, "x")
        var limits = SQLiteLimits()
        limits.busyMilliseconds = 1
        let store = try SQLiteStore(path: self.main, limits: limits)
        _ = try store.recovered()
        for number in 1...2 { try store.commit(Self.create(number)) }
        func define(_ number: Int, _ generation: Int64, _ identities: Set<TenantIdentity>) throws {
            var definition = Self.definition(number)
            definition.generation = generation
            definition.identities = identities
            try store.commit(
                Self.change(.define(TenantID(rawValue: Int64(number)), definition))
            )
        }
        try define(2, 2, [identity])
        let person = try Connection(path: self.main, access: .readWrite)
        try person.execute("BEGIN IMMEDIATE")
        try define(2, 3, [])
        #expect(throws: BackendError.self) { try define(1, 2, [identity]) }
        try person.execute("ROLLBACK")
        try define(1, 2, [identity])
        store.close()
        let tenants = try self.recovered().tenants
        #expect(tenants.map(\.definition.identities) == [[identity], []])
    }

    @Test(arguments: [true, false])
    func theNewerDefinitionIsTheOneThatHolds(isHomeNewer: Bool) throws {
        let store = try self.open()
        _ = try store.recovered()
        try store.commit(Self.create(1))
        store.close()
        var newer = Self.definition(1)
        newer.limits.keys = 5
        newer.generation = 2
        // What a crash leaves that comes between the two.
        let path = isHomeNewer ? self.folder + "/t1.db" : self.main
        let one = try SQLiteBackend(path: path)
        _ = try one.recovered()
        let written = isHomeNewer ? newer.atHome : newer
        try one.commit(Self.change(.define(TenantID(rawValue: 1), written)))
        one.close()
        #expect(try self.recovered().tenants.map(\.definition) == [newer])
        for path in [self.main, self.folder + "/t1.db"] {
            let one = try SQLiteBackend(path: path)
            #expect(try one.recovered().tenants.map(\.definition.limits.keys) == [5])
            one.close()
        }
    }

    // MARK: What is not as it was left

    @Test func aFileThatIsGoneIsNamed() throws {
        let store = try self.open()
        _ = try store.recovered()
        try store.commit(Self.create(1))
        store.close()
        unlink(self.folder + "/t1.db")
        let error = #expect(throws: StoreError.self) { _ = try self.open() }
        #expect(error?.description.contains("tenant t1") == true)
        #expect(try SQLiteStore.verify(path: self.main).map(\.tenant) == [TenantID(rawValue: 1)])
    }

    @Test func aFileOfAnotherTenantIsRefused() throws {
        let store = try self.open()
        _ = try store.recovered()
        try store.commit(Self.create(1))
        try store.commit(Self.create(2))
        store.close()
        rename(self.folder + "/t2.db", self.folder + "/t1.db")
        let error = #expect(throws: StoreError.self) { _ = try self.open() }
        #expect(error?.description.contains("other tenants") == true)
    }

    @Test func nobodyElseOpensAFileThatIsServed() throws {
        let store = try self.open()
        _ = try store.recovered()
        try store.commit(Self.create(1))
        #expect(throws: StoreError.self) { try SQLiteBackend(path: self.folder + "/t1.db") }
        store.close()
    }
}
