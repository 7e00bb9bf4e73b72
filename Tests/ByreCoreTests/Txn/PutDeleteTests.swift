import ByreCore
import ByreTestKit
import Testing

/// Revisions, creation, versions, deletion: etcd's rules for single operations.
@Suite struct PutDeleteTests {
    @Test func anEmptyStoreIsAtRevisionOneAndTheFirstWriteMakesTwo() throws {
        try check(
            #"""
            get a                   | rev 1 of 0
            put a=1                 | rev 2
            stat a                  | rev 2 of 1: a=1/c2/m2/v1
            """#
        )
    }

    @Test func aPutCountsVersionsAndADeletionBeginsANewLife() throws {
        try check(
            #"""
            put a=1                 | rev 2
            put b=1                 | rev 3
            put a=2                 | rev 4
            stat a..                | rev 4 of 2: a=2/c2/m4/v2 b=1/c3/m3/v1
            delete a                | rev 5 deleted 1
            get a                   | rev 5 of 0
            put a=3                 | rev 6
            stat a                  | rev 6 of 1: a=3/c6/m6/v1
            changes                 | 2.0 put a=1; 3.0 put b=1; 4.0 put a=2 was m2; 5.0 delete a was m4; 6.0 put a=3
            """#
        )
    }

    @Test func whatChangesNothingMakesNoRevision() throws {
        try check(
            #"""
            put a=1                         | rev 2
            delete x                        | rev 2 deleted 0
            delete c..b prev                | rev 2 deleted 0
            txn if ver:a=0 then put a=2     | rev 2 no
            txn                             | rev 2 yes
            txn then get a                  | rev 2 yes: rev 2 of 1: a=1
            grant 7 ttl 5                   | rev 2 lease 7 ttl 5
            revoke 7                        | rev 2
            compact 2                       | rev 2
            put a=2                         | rev 3
            changes                         | 2.0 put a=1; 3.0 put a=2 was m2
            """#
        )
    }

    /// So that it costs no commit: a transaction whose comparison fails is every second one of a busy
    /// control plane.
    @Test(arguments: [
        ("delete x", false), ("txn", false), ("txn if ver:a=0 then put a=2 else get a", false),
        ("txn then delete x , get a", false), ("put a=2", true), ("delete a", true),
        ("grant 8 ttl 5", true), ("revoke 7", true), ("compact 2", true),
    ])
    func onlyWhatChangesSomethingIsCounted(line: String, isChange: Bool) throws {
        var world = try TenantWorld(grouping: .all)
        for line in ["put a=1", "grant 7 ttl 5", line] {
            guard case .apply(let operation) = try Statement(line) else { return }
            _ = try world.apply(operation)
        }
        #expect(world.state.sequence == (isChange ? 3 : 2))
    }

    @Test func aPreviousPairIsAnsweredWhole() throws {
        try check(
            #"""
            put a=1 prev            | rev 2
            put a=2 prev            | rev 3 was a=1/c2/m2/v1
            put a= prev             | rev 4 was a=2/c2/m3/v2
            put a=3 prev            | rev 5 was a=/c2/m4/v3
            delete a                | rev 6 deleted 1
            put a=4 prev            | rev 7
            """#
        )
    }

    @Test func aRangeIsDeletedInKeyOrderInOneRevision() throws {
        try check(
            #"""
            put c=3                 | rev 2
            put a=1                 | rev 3
            put b=2                 | rev 4
            put d=4                 | rev 5
            changes                 | 2.0 put c=3; 3.0 put a=1; 4.0 put b=2; 5.0 put d=4
            delete a..d prev        | rev 6 deleted 3 a=1 b=2 c=3
            changes                 | 6.0 delete a was m3; 6.1 delete b was m4; 6.2 delete c was m2
            delete a..              | rev 7 deleted 1
            delete \0..             | rev 7 deleted 0
            """#
        )
    }

    @Test func whatIsIgnoredIsKept() throws {
        try check(
            #"""
            put a=1 ignore-value                    | key not found
            put a=1 ignore-lease                    | key not found
            grant 7 ttl 5                           | rev 1 lease 7 ttl 5
            grant 8 ttl 5                           | rev 1 lease 8 ttl 5
            put a=1 lease 7                         | rev 2
            put a= lease 8 ignore-value             | rev 3
            stat a                                  | rev 3 of 1: a=1/c2/m3/v2/L8
            put a=2 ignore-lease                    | rev 4
            stat a                                  | rev 4 of 1: a=2/c2/m4/v3/L8
            put a= ignore-value ignore-lease prev   | rev 5 was a=2/c2/m4/v3/L8
            stat a                                  | rev 5 of 1: a=2/c2/m5/v4/L8
            put a= ignore-value                     | rev 6
            stat a                                  | rev 6 of 1: a=2/c2/m6/v5
            delete a                                | rev 7 deleted 1
            put a= ignore-value                     | key not found
            """#
        )
    }

    @Test func theLeaseIsLookedForBeforeTheKey() throws {
        try check(
            #"""
            put a=1 lease 9                 | lease not found
            put a= lease 9 ignore-value     | lease not found
            get a                           | rev 1 of 0
            """#
        )
    }

    @Test func aValueThatCannotBeLoadedLeavesNothing() throws {
        var world = try TenantWorld()
        _ = try world.apply(.put(PutRequest(key: [1], value: [2])))
        let before = world.state
        world.loadFault = .unavailable("no disk")
        var put = PutRequest(key: [1], value: [])
        put.ignoreValue = true
        #expect(throws: RequestError.backend(.unavailable("no disk"))) {
            try world.apply(.put(put))
        }
        #expect(world.state.differences(from: before).isEmpty)
        #expect(world.changes.count == 1)
    }
}
