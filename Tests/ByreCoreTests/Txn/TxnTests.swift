import ByreCore
import ByreTestKit
import Testing

/// Transactions: what is decided when, and what each part of the answer says.
@Suite struct TxnTests {
    @Test func aBranchIsTakenByAllComparisons() throws {
        try check(
            #"""
            put a=1                                             | rev 2
            put b=2                                             | rev 3
            txn if value:a=1 and value:b=2 then put c=y else put c=n   | rev 4 yes: rev 4
            txn if value:a=1 and value:b=9 then put c=y else put c=n   | rev 5 no: rev 5
            txn if value:a=9 and value:b=2 then put c=y else put c=n   | rev 6 no: rev 6
            txn then put c=z                                    | rev 7 yes: rev 7
            txn if value:a=9 then put c=y                       | rev 7 no
            """#
        )
    }

    struct Comparison: Sendable, CustomTestStringConvertible {
        let text: String
        let holds: Bool

        init(_ text: String, _ holds: Bool) {
            self.text = text
            self.holds = holds
        }

        var testDescription: String { self.text }
    }

    /// On a=1 (create 2, mod 4, version 2, lease 7), b=5 (3, 3, 1, none), c deleted.
    static let comparisons: [Comparison] = [
        Comparison("ver:a=2", true), Comparison("ver:a!=2", false),
        Comparison("ver:a<2", false), Comparison("ver:a<3", true),
        Comparison("ver:a>2", false), Comparison("ver:a>1", true),
        Comparison("create:a=2", true), Comparison("create:a=4", false),
        Comparison("mod:a=4", true), Comparison("mod:a=2", false),
        Comparison("lease:a=7", true), Comparison("lease:b=0", true),
        Comparison("lease:b!=0", false), Comparison("lease:a>-1", true),
        Comparison("value:a=1", true), Comparison("value:a=", false),
        Comparison("value:a>0", true), Comparison("value:a<10", true),
        Comparison("value:a!=2", true),
        // A key that is not there, or not any more, is all zeros, and its value compares as nothing.
        Comparison("ver:x=0", true), Comparison("create:x=0", true),
        Comparison("mod:x=0", true), Comparison("lease:x=0", true),
        Comparison("ver:x>0", false), Comparison("ver:x<1", true),
        Comparison("ver:c=0", true), Comparison("mod:c=0", true), Comparison("mod:c>0", false),
        Comparison("value:x=", false), Comparison("value:x!=z", false),
        Comparison("value:c=", false), Comparison("value:x?", false),
        // Numbers that etcd's enums do not have.
        Comparison("ver:a?99", true), Comparison("value:a?no", true), Comparison("ver:x?5", true),
        Comparison("unknown:a=1", true), Comparison("unknown:a!=1", false),
        Comparison("unknown:a>1", false), Comparison("unknown:x=1", true),
        Comparison("unknown:x?1", true),
        // Of a range every key must hold; of one without keys, the key of all zeros.
        Comparison("ver:a..c>0", true), Comparison("ver:a..c=2", false),
        Comparison("ver:a..c>1", false), Comparison("ver:b..c=1", true),
        Comparison("mod:a..>2", true), Comparison("mod:a..>3", false),
        Comparison("value:a..b=1", true), Comparison("value:a..c<6", true),
        Comparison("value:a..c<5", false),
        Comparison("ver:x..z=0", true), Comparison("ver:x..z>0", false),
        Comparison("value:x..z=", false), Comparison("ver:c..a=0", true),
        Comparison("ver:c..d=0", true), Comparison("ver:x..=0", true),
    ]

    @Test(arguments: comparisons)
    func comparesAsEtcdDoes(comparison: Comparison) throws {
        try check(
            """
            grant 7 ttl 5                   | rev 1 lease 7 ttl 5
            put a=0 lease 7                 | rev 2
            put b=5                         | rev 3
            put a=1 lease 7                 | rev 4
            put c=1                         | rev 5
            delete c                        | rev 6 deleted 1
            txn if \(comparison.text)       | rev 6 \(comparison.holds ? "yes" : "no")
            """
        )
    }

    @Test func aComparisonSeesTheStateBeforeTheTransaction() throws {
        try check(
            #"""
            put a=1                                                         | rev 2
            txn then put a=2 , ( if value:a=1 then put b=old else put b=new ) | rev 3 yes: rev 3, ( rev 0 yes: rev 3 )
            get a..                                                         | rev 3 of 2: a=2 b=old
            txn then delete a , ( if ver:a>0 then get a.. )                  | rev 4 yes: rev 4 deleted 1, ( rev 0 yes: rev 4 of 1: b=old )
            txn then ( then ( if ver:b=1 then put b=2 else put b=3 ) ) , ( if ver:b=1 then put c=1 ) | rev 5 yes: ( rev 0 yes: ( rev 0 yes: rev 5 ) ), ( rev 0 yes: rev 5 )
            """#
        )
    }

    @Test func eachOfManyNestedBranchesIsItsOwn() throws {
        try check(
            #"""
            txn then ( if ver:x>0 then put a=1 else ( if ver:x=0 then put a=2 ) ) , ( if ver:x=0 then get a ) , ( if ver:x>0 else put b=1 ) | rev 2 yes: ( rev 0 no: ( rev 0 yes: rev 2 ) ), ( rev 0 yes: rev 2 of 1: a=2 ), ( rev 0 no: rev 2 )
            get a..                         | rev 2 of 2: a=2 b=1
            """#
        )
    }

    @Test func operationsSeeTheOnesBefore() throws {
        try check(
            #"""
            put a=1                                         | rev 2
            txn then get a , put a=2 , get a , delete b , delete a , get a.. , put c=3 , get c   | rev 3 yes: rev 2 of 1: a=1, rev 3, rev 3 of 1: a=2, rev 3 deleted 0, rev 3 deleted 1, rev 3 of 0, rev 3, rev 3 of 1: c=3
            changes                                         | 2.0 put a=1; 3.0 put a=2 was m2; 3.1 delete a was m2; 3.2 put c=3
            get a at 2                                      | rev 3 of 1: a=1
            """#
        )
    }

    @Test func headersSayWhetherSomethingWasWrittenBefore() throws {
        try check(
            #"""
            put a=1                                             | rev 2
            txn then get a , delete x , get a , put b=1 , delete x , get a | rev 3 yes: rev 2 of 1: a=1, rev 2 deleted 0, rev 2 of 1: a=1, rev 3, rev 3 deleted 0, rev 3 of 1: a=1
            txn then delete a , get a                           | rev 4 yes: rev 4 deleted 1, rev 4 of 0
            txn then delete x , ( then get b )                  | rev 4 yes: rev 4 deleted 0, ( rev 0 yes: rev 4 of 1: b=1 )
            """#
        )
    }

    @Test func aRangeOfATransactionMayNameARevision() throws {
        try check(
            #"""
            put a=1                                     | rev 2
            put a=2                                     | rev 3
            txn then put a=3 , get a at 3 , get a at 2 , get a   | rev 4 yes: rev 4, rev 4 of 1: a=2, rev 4 of 1: a=1, rev 4 of 1: a=3
            txn then put a=4 , get a at 5               | future revision
            txn then put a=4 , get a at -1              | rev 5 yes: rev 5, rev 5 of 1: a=4
            txn then put a=5 , get a at -2              | compacted
            compact 4                                   | rev 5
            txn then put a=5 , get a at 3               | compacted
            txn then get a at 4 , put a=5               | rev 6 yes: rev 5 of 1: a=3, rev 6
            txn then get a at -1                        | compacted
            get a at -1                                 | rev 6 of 1: a=5
            get a                                       | rev 6 of 1: a=5
            """#
        )
    }

    @Test func thePathTakenIsCheckedBeforeAnythingIsDone() throws {
        try check(
            #"""
            put a=1                                                 | rev 2
            txn then put b=1 , put c=1 lease 9                      | lease not found
            txn then put b=1 , put c= ignore-value                  | key not found
            txn then put b=1 , put c= ignore-lease                  | key not found
            txn then put b=1 , ( then put c=1 lease 9 )             | lease not found
            txn then put b=1 , get a at 99                          | future revision
            txn then get a at 99 , put c=1 lease 9                  | future revision
            txn then put c=1 lease 9 , get a at 99                  | lease not found
            get a..                                                 | rev 2 of 1: a=1
            changes                                                 | 2.0 put a=1
            txn then put b=1 else put c=1 lease 9                   | rev 3 yes: rev 3
            txn if ver:a=0 then put c=1 lease 9 , get a at 99       | rev 3 no
            txn then ( if ver:a=0 then put c=1 lease 9 else put d=1 ) | rev 4 yes: ( rev 0 no: rev 4 )
            """#
        )
    }

    @Test func aKeyThatTheTransactionMadeDoesNotCountForIgnoring() throws {
        try check(
            #"""
            txn then put a=1 , ( then put a= ignore-value )         | key not found
            get a                                                   | rev 1 of 0
            """#
        )
    }

    @Test func previousPairsAreTheNewestEvenOfThisTransaction() throws {
        try check(
            #"""
            put a=1                                                 | rev 2
            txn then put a=2 prev , delete a prev                   | rev 3 yes: rev 3 was a=1/c2/m2/v1, rev 3 deleted 1 a=2
            txn then put a=3 , delete a.. , put a=4 prev            | rev 4 yes: rev 4, rev 4 deleted 1, rev 4
            stat a                                                  | rev 4 of 1: a=4/c4/m4/v1
            changes                                                 | 2.0 put a=1; 3.0 put a=2 was m2; 3.1 delete a was m2; 4.0 put a=3; 4.1 delete a; 4.2 put a=4
            """#
        )
    }

    @Test func aTransactionThatFailsHalfwayLeavesNothing() throws {
        var world = try TenantWorld(grouping: .all)
        _ = try world.apply(
            .leaseGrant(id: LeaseID(rawValue: 7), ttlSeconds: 5, minTTLSeconds: 0, candidate: 1)
        )
        _ = try world.apply(.put(PutRequest(key: Bytes("a".utf8), value: Bytes("1".utf8))))
        try world.flush()
        _ = try world.apply(.put(PutRequest(key: Bytes("b".utf8), value: Bytes("1".utf8))))
        let before = world.state
        let changes = world.changes.count
        world.loadFault = .unavailable("no disk")
        // Each writes first and then has to load what `a` holds.
        let halfway = [
            "txn then put c=1 lease 7 , delete b , get a.. by value desc",
            "txn then put c=1 lease 7 , delete b , put a= ignore-value",
            "txn then put c=1 , ( then put d=1 lease 7 , get a.. by value )",
        ]
        for text in halfway {
            guard case .apply(let operation) = try Statement(text) else { continue }
            #expect(throws: RequestError.backend(.unavailable("no disk"))) {
                try world.apply(operation)
            }
            #expect(world.state.differences(from: before).isEmpty, "\(text)")
            #expect(world.changes.count == changes, "\(text)")
        }
        world.loadFault = nil
        _ = try world.apply(.put(PutRequest(key: Bytes("e".utf8), value: Bytes("1".utf8))))
        #expect(world.changes.last?.version.modRevision == before.revision + 1)
        // Neither does the commit hold anything of them.
        try world.flush()
        #expect(world.backend.rows.map { Rendering.text($0.key) } == ["a", "b", "e"])
        #expect(try world.recovered().map { world.state.differences(from: $0) } == [])
    }

    @Test(arguments: [
        ("txn", true), ("txn then get a else get b", true), ("txn then get a , get b at 5", true),
        ("txn then put a=1", false), ("txn else delete a", false),
        ("txn then ( then get a )", false),
    ])
    func onlyRangesAreReadOnly(text: String, isReadOnly: Bool) throws {
        guard case .apply(.txn(let txn)) = try Statement(text) else {
            Issue.record("\(text) is a transaction")
            return
        }
        #expect(txn.isReadOnly == isReadOnly)
    }
}
