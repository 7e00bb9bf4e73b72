package import ByreCore
import Testing

/// What every backend promises, as checks over any that `open` opens.
///
/// `open` opens the same store each time; the one before is closed by then.
package struct BackendContract {
    private let numbering: RowNumbering
    /// Whether nobody else could have deleted a row that is missing.
    private let isExclusive: Bool
    private let open: () throws -> any Backend

    package init(
        numbering: RowNumbering = .store,
        isExclusive: Bool = true,
        open: @escaping () throws -> any Backend
    ) {
        self.numbering = numbering
        self.isExclusive = isExclusive
        self.open = open
    }

    /// One thing that a backend promises. Its name is the claim.
    package struct Promise: Sendable, CustomTestStringConvertible {
        package let testDescription: String
        fileprivate let check: @Sendable (BackendContract) throws -> Void

        fileprivate init(
            _ name: String,
            _ check: @escaping @Sendable (BackendContract) throws -> Void
        ) {
            self.testDescription = name
            self.check = check
        }
    }

    /// All of them, so that a backend cannot be tested for some alone.
    package static let promises: [Promise] = [
        Promise("aNewStoreIsEmpty") { try $0.aNewStoreIsEmpty() },
        Promise("recoveryGivesBackWhatWasCommitted") { try $0.recoveryGivesBackWhatWasCommitted() },
        Promise("grantingALeaseAnewSetsItsTTL") { try $0.grantingALeaseAnewSetsItsTTL() },
        Promise("removedRowsAreGoneAndNoOthers") { try $0.removedRowsAreGoneAndNoOthers() },
        Promise("aTenantCannotRemoveOrReadAnothersRows") {
            try $0.aTenantCannotRemoveOrReadAnothersRows()
        },
        Promise("aReaderSeesACommitThatHasReturned") { try $0.aReaderSeesACommitThatHasReturned() },
        Promise("valuesComeInOrderWhateverTheGaps") { try $0.valuesComeInOrderWhateverTheGaps() },
        Promise("aScanVisitsATenantsRowsInOrderUntilTold") {
            try $0.aScanVisitsATenantsRowsInOrderUntilTold()
        },
        Promise("aRefusedBatchLeavesNothing") { try $0.aRefusedBatchLeavesNothing() },
        Promise("definitionsComeBackAsTheyWere") { try $0.definitionsComeBackAsTheyWere() },
        Promise("anErasedTenantIsGoneAndNoOther") { try $0.anErasedTenantIsGoneAndNoOther() },
        Promise("tenantsShareNothingThatIsTheirs") { try $0.tenantsShareNothingThatIsTheirs() },
        Promise("housekeepingChangesNothing") { try $0.housekeepingChangesNothing() },
        Promise("aClosedBackendRefuses") { try $0.aClosedBackendRefuses() },
    ]

    /// Checks a promise, on a store that is new.
    package func keeps(_ promise: Promise) throws {
        try promise.check(self)
    }

    /// Commits `batches`, then checks that a backend opened anew holds what `history` expects.
    private func expect(_ history: History, after batches: [CommitBatch]) throws {
        let backend = try self.open()
        // The order of the calls is part of the contract: recovery is the first.
        _ = try backend.recovered()
        for batch in batches { try backend.commit(batch) }
        backend.close()

        let reopened = try self.open()
        #expect(try reopened.recovered() == history.expected)
        for tenant in history.expected.tenants.map(\.record) {
            let rows = history.expected.rows.filter { $0.tenant == tenant.id }
                .map(\.version.row)
            let values = rows.compactMap { history.values[$0] }
            #expect(try reopened.values(of: tenant.id, rows: rows) == values)
        }
        reopened.close()
    }

    private func aNewStoreIsEmpty() throws {
        try self.expect(History(numbering: self.numbering), after: [])
        try self.expect(History(numbering: self.numbering), after: [CommitBatch()])
    }

    package func recoveryGivesBackWhatWasCommitted() throws {
        var history = History(numbering: self.numbering)
        history.create(1, "default")
        var batches = [history.take()]
        // Everything in one batch, over two tenants, the second created in it.
        history.create(7, "other")
        history.write(1, [("a", [1]), ("b", []), ("c", Bytes(repeating: 3, count: 300_000))])
        history.write(7, [("a", Bytes("other's".utf8))])
        history.grant(7, lease: -5, ttlSeconds: 60)
        history.grant(1, lease: .max, ttlSeconds: 1)
        history.write(1, [("a", [2])], lease: .max)
        batches.append(history.take())
        history.write(1, [("a", nil), ("b", [0, 255])])
        history.revoke(7, lease: -5)
        history.raise(1, Alarm(.noSpace, memberID: 0))
        history.raise(7, Alarm(.noSpace, memberID: 5))
        history.raise(7, Alarm(.corrupt, memberID: .max))
        history.change(7) { $0.allocatedBytes = 1 << 40 }
        batches.append(history.take())
        history.write(1, [("a", [3])])
        history.clear(1, Alarm(.noSpace, memberID: 0))
        batches.append(history.take())
        try self.expect(history, after: batches)
    }

    private func grantingALeaseAnewSetsItsTTL() throws {
        var history = History(numbering: self.numbering)
        history.create(1, "default")
        history.grant(1, lease: 9, ttlSeconds: 60)
        var batches = [history.take()]
        history.revoke(1, lease: 9)
        history.grant(1, lease: 9, ttlSeconds: 5)
        batches.append(history.take())
        try self.expect(history, after: batches)
    }

    private func removedRowsAreGoneAndNoOthers() throws {
        var history = History(numbering: self.numbering)
        history.create(1, "default")
        history.create(2, "other")
        for round in 0..<20 {
            history.write(1, [("k", [UInt8(round)])])
            history.write(2, [("k", [UInt8(round)])])
        }
        let fill = history.take()
        // The first tenant's rows are the odd ones; single ones and a list that names a row twice as
        // far as the next tenant's rows go.
        history.compact(1, to: 12, removing: [1, 3, 5, 9, 11])
        let single = history.take()
        history.write(1, [("x", [1]), ("y", [1]), ("z", [1])])
        history.write(1, [("x", [2])])
        let more = history.take()
        history.compact(1, to: 23, removing: [13, 41, 42, 43])
        try self.expect(history, after: [fill, single, more, history.take()])
    }

    private func aTenantCannotRemoveOrReadAnothersRows() throws {
        var history = History(numbering: self.numbering)
        history.create(1, "default")
        history.create(2, "other")
        history.write(1, [("a", [1]), ("b", [2]), ("c", [3])])
        history.change(2) { _ in }
        let fill = history.take()
        var theft = CommitBatch()
        theft.tenants = fill.tenants
        theft.removedRows = [
            (TenantID(rawValue: 2), [history.row(1), history.row(2)]),
            (TenantID(rawValue: 2), [history.row(3)]),
        ]
        try self.expect(history, after: [fill])
        let backend = try self.open()
        _ = try backend.recovered()
        // A backend may refuse it or pass it over.
        try? backend.commit(theft)
        #expect(try backend.recovered() == history.expected)
        for rows in [[1], [1, 2], [1, 2, 3]] as [[Int64]] {
            #expect(throws: BackendError.self) {
                _ = try backend.values(
                    of: TenantID(rawValue: 2),
                    rows: rows.map(history.row)
                )
            }
        }
        #expect(try self.scanned(backend, 2, history.span(of: 1, 1...3), most: .max).isEmpty)
        backend.close()
    }

    private func aReaderSeesACommitThatHasReturned() throws {
        let backend = try self.open()
        _ = try backend.recovered()
        var history = History(numbering: self.numbering)
        history.create(1, "default")
        try backend.commit(history.take())
        let reader = try backend.makeReader()
        let tenant = TenantID(rawValue: 1)
        for round in 1...50 {
            let value = Bytes(repeating: UInt8(round), count: round * 100)
            history.write(1, [("k", value)])
            try backend.commit(history.take())
            var seen: Bytes?
            try reader.values(of: tenant, rows: [history.row(Int64(round))]) { _, read in
                seen = read
            }
            #expect(seen == value)
        }
        backend.close()
    }

    /// Rows next to each other, near each other and far apart are read in different ways.
    private func valuesComeInOrderWhateverTheGaps() throws {
        let backend = try self.open()
        _ = try backend.recovered()
        var history = History(numbering: self.numbering)
        history.create(1, "default")
        for row in 1...300 { history.write(1, [("k\(row)", Bytes("\(row)".utf8))]) }
        try backend.commit(history.take())
        let gaps: [[Int64]] = [
            [], [300], [1, 2, 3], [1, 3, 5, 7], [1, 6, 11], [1, 7, 13], [1, 300],
            [1, 2, 50, 51, 52, 99, 120, 125, 131, 200, 201], Array(1...300),
        ]
        for rows in gaps {
            let values = try backend.values(
                of: TenantID(rawValue: 1),
                rows: rows.map(history.row)
            )
            #expect(values == rows.map { Bytes("\($0)".utf8) })
        }
        for missing in [[301], [1, 301], [299, 300, 301], [0]] as [[Int64]] {
            let error = #expect(throws: BackendError.self) {
                _ = try backend.values(
                    of: TenantID(rawValue: 1),
                    rows: missing.map(history.row)
                )
            }
            switch error {
            case .corrupt where self.isExclusive: break
            case .unavailable where !self.isExclusive: break
            default: Issue.record("a missing row is told as \(String(describing: error))")
            }
        }
        backend.close()
    }

    private func aScanVisitsATenantsRowsInOrderUntilTold() throws {
        let backend = try self.open()
        _ = try backend.recovered()
        var history = History(numbering: self.numbering)
        history.create(1, "default")
        history.create(2, "other")
        for round in 0..<10 {
            history.write(1, [("a\(round)", [UInt8(round)]), ("b", nil)])
            history.write(2, [("x", [1])])
        }
        try backend.commit(history.take())
        let rows = history.expected.rows.filter { $0.tenant.rawValue == 1 }
        #expect(try self.scanned(backend, 1, history.span(of: 1, 1...30), most: .max) == rows)
        #expect(
            try self.scanned(backend, 1, history.span(of: 1, 5...30), most: 4)
                == Array(rows.dropFirst(3).prefix(4))
        )
        #expect(
            try self.scanned(backend, 1, history.span(of: 1, 5...10), most: .max)
                == Array(rows.dropFirst(3).prefix(4))
        )
        #expect(try self.scanned(backend, 1, history.span(of: 1, 31...40), most: .max).isEmpty)
        backend.close()
    }

    private func scanned(
        _ backend: any Backend,
        _ tenant: Int64,
        _ span: RowSpan,
        most: Int
    ) throws -> [Recovered.Row] {
        var found: [Recovered.Row] = []
        let tenant = TenantID(rawValue: tenant)
        try backend.makeReader().scan(tenant, in: span) { key, version, value in
            #expect(value.count == Int(version.valueSize))
            found.append(.init(tenant: tenant, key: key, version: version))
            return found.count < most
        }
        return found
    }

    /// A batch that contradicts the store leaves nothing of itself, wherever in it the fault is.
    private func aRefusedBatchLeavesNothing() throws {
        let backend = try self.open()
        _ = try backend.recovered()
        var history = History(numbering: self.numbering)
        history.create(1, "default")
        history.write(1, [("a", [1])])
        try backend.commit(history.take())
        let before = history

        let faults: [(inout CommitBatch) -> Void] = [
            { batch in batch.rows.append(batch.rows[0]) },
            { batch in batch.tenants[0].id = TenantID(rawValue: 99) },
            { batch in
                let present = before.expected.tenants[0]
                batch.registry.append(.create(present.record, present.definition))
            },
        ]
        for fault in faults {
            var attempt = before
            attempt.write(1, [("b", [2]), ("c", [3])])
            attempt.grant(1, lease: 4, ttlSeconds: 5)
            var batch = attempt.take()
            batch.removedRows = [(TenantID(rawValue: 1), [before.row(1)])]
            fault(&batch)
            #expect(throws: BackendError.self) { try backend.commit(batch) }
            #expect(
                try backend.values(of: TenantID(rawValue: 1), rows: [before.row(1)]) == [[1]]
            )
        }
        // The writer goes on as if nothing had been asked.
        history.write(1, [("d", [4])])
        try backend.commit(history.take())
        backend.close()
        try self.expect(history, after: [])
    }

    // MARK: The registry

    private func definitionsComeBackAsTheyWere() throws {
        var history = History(numbering: self.numbering)
        history.create(1, "default")
        history.create(2, "full")
        var batches = [history.take()]
        history.define(2) { definition in
            definition.name = "fuller"
            definition.lifecycle = .deleting
            definition.reclaimAt = 1_800_000_000
            definition.wasSuspended = true
            definition.identities = Set(
                TenantIdentity.Kind.allCases.map { TenantIdentity($0, "of \($0)") }
            )
            definition.limits.spaceMode = .strict
            // Different numbers, so that none can take another's place.
            definition.limits.bytes = 1
            definition.limits.keys = 2
            definition.limits.valueBytes = 3
            definition.limits.writesPerSecond = 4
            definition.limits.readsPerSecond = 5
            definition.limits.readBytesPerSecond = 6
            definition.limits.watches = 7
            definition.limits.leases = 8
            definition.limits.connections = 9
            definition.limits.inFlight = 0
            definition.autoCompaction = .periodic(retentionNanoseconds: 11)
        }
        history.define(1) { $0.autoCompaction = .revision(retention: 0) }
        batches.append(history.take())
        try self.expect(history, after: batches)
        history.define(2) { definition in
            definition.undelete()
            definition.identities = [TenantIdentity(.commonName, "one")]
            definition.limits = TenantLimits()
            definition.autoCompaction = nil
        }
        // What one gives up another takes, in one batch.
        history.define(1) { $0.name = "full" }
        history.define(2) { $0.name = "default" }
        let backend = try self.open()
        _ = try backend.recovered()
        try backend.commit(history.take())
        backend.close()
        try self.expect(history, after: [])
    }

    private func anErasedTenantIsGoneAndNoOther() throws {
        var history = History(numbering: self.numbering)
        history.create(1, "default")
        history.create(2, "other")
        history.define(2) { definition in
            definition.identities = [TenantIdentity(.commonName, "x")]
            definition.lifecycle = .deleting
            definition.reclaimAt = 1_700_000_000
        }
        for round in 0..<5 {
            history.write(1, [("a", [UInt8(round)])])
            history.write(2, [("a", [UInt8(round)])])
        }
        for tenant in [1, 2] as [Int64] {
            for lease in 1...4 as ClosedRange<Int64> {
                history.grant(tenant, lease: lease, ttlSeconds: 9)
            }
            history.raise(tenant, Alarm(.noSpace, memberID: 5))
        }
        try self.expect(history, after: [history.take()])
        let steps: [(inout History) -> Void] = [
            { $0.beginErasing(2) }, { $0.eraseRows(2, 1...4) }, { $0.eraseRows(2, 5...10) },
            { $0.eraseLeases(2, countMax: 3) }, { $0.erase(2) },
        ]
        for step in steps {
            step(&history)
            try self.expect(history, after: [history.take()])
        }
        history.create(2, "other")
        try self.expect(history, after: [history.take()])
    }

    private func tenantsShareNothingThatIsTheirs() throws {
        var history = History(numbering: self.numbering)
        history.create(1, "default")
        history.create(2, "other")
        history.define(2) { $0.identities = [TenantIdentity(.dnsSAN, "x")] }
        try self.expect(history, after: [history.take()])
        let faults: [(inout TenantDefinition) -> Void] = [
            { $0.name = "other" }, { $0.identities = [TenantIdentity(.dnsSAN, "x")] },
        ]
        for fault in faults {
            let backend = try self.open()
            _ = try backend.recovered()
            var attempt = history
            attempt.write(1, [("a", [1])])
            attempt.define(1, fault)
            #expect(throws: BackendError.self) { try backend.commit(attempt.take()) }
            backend.close()
            try self.expect(history, after: [])
        }
    }

    private func housekeepingChangesNothing() throws {
        var history = History(numbering: self.numbering)
        let backend = try self.open()
        _ = try backend.recovered()
        history.create(1, "default")
        for _ in 0..<200 { history.write(1, [("k", Bytes(repeating: 1, count: 5_000))]) }
        try backend.commit(history.take())
        history.compact(1, to: 200, removing: Array(1...198))
        try backend.commit(history.take())
        var slices = 0
        while try backend.maintain() { slices += 1 }
        try backend.defragment()
        #expect(slices < 200)
        history.write(1, [("k", [2])])
        try backend.commit(history.take())
        backend.close()
        try self.expect(history, after: [])
    }

    private func aClosedBackendRefuses() throws {
        let backend = try self.open()
        backend.close()
        var history = History(numbering: self.numbering)
        history.create(1, "default")
        #expect(throws: BackendError.self) { try backend.commit(history.take()) }
    }
}
