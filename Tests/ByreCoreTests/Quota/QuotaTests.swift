import ByreCore
import ByreTestKit
import Testing

/// Space: what counts, where the limit is, and what an alarm stops.
@Suite struct QuotaTests {
    /// A version counts 64 bytes and its key and value, on top of an empty store's five pages.
    @Test func sizesCountHistoryUntilItIsCompacted() throws {
        try check(
            #"""
            size                    | used 20480 allocated 20480
            put abc=1234567         | rev 2
            size                    | used 20554 allocated 20554
            put abc=1               | rev 3
            size                    | used 20622 allocated 20622
            delete abc              | rev 4 deleted 1
            size                    | used 20689 allocated 20689
            put z=                  | rev 5
            compact 5               | rev 5
            size                    | used 20754 allocated 20754
            clean                   | removed 3
            size                    | used 20545 allocated 20754
            defragment              | done
            size                    | used 20545 allocated 20545
            """#
        )
    }

    @Test func aPutFitsWhileWhatItCostsIsBelowTheQuota() throws {
        // 256 for a put and a byte each for key and value.
        try check("put a=1 | rev 2", quota: Quota(bytes: 20_480 + 259))
        try check("put a=1 | no space", quota: Quota(bytes: 20_480 + 258))
        try check("put a=1 | no space", quota: Quota(bytes: 1))
        try check("put a=1 | rev 2", quota: Quota(bytes: nil))
        try check("grant 1 ttl 5 | rev 1 lease 1 ttl 5", quota: Quota(bytes: 20_480 + 65))
        try check("grant 1 ttl 5 | no space", quota: Quota(bytes: 20_480 + 64))
    }

    /// The dearer branch counts, with what is nested in it, whichever is taken.
    @Test(arguments: [
        ("txn then put a=1", 258), ("txn then put a=1 , put b=23", 517),
        ("txn then put a=1 else put b=23 , put c=1", 517),
        ("txn then put a=1 , ( then put b=1 )", 516),
        ("txn then ( then put a=1 else put b=1 , put c=1 )", 516),
        ("txn if ver:a=9 then put a=1", 258),
    ])
    func aTransactionCostsItsDearerBranch(text: String, cost: Int64) throws {
        guard case .apply(let operation) = try Statement(text) else { return }
        #expect(Quota.cost(of: operation) == cost)
        try check(
            "\(text) | no space\nget a.. | rev 1 of 0",
            quota: Quota(bytes: 20_480 + cost)
        )
        var world = try TenantWorld(quota: Quota(bytes: 20_480 + cost + 1))
        _ = try world.apply(operation)
    }

    @Test func withoutSpaceEverythingWorksThatNeedsNone() throws {
        try check(
            #"""
            grant 7 ttl 5                   | rev 1 lease 7 ttl 5
            grant 8 ttl 5                   | rev 1 lease 8 ttl 5
            put a=1 lease 7                 | rev 2
            put b=1 lease 8                 | rev 3
            alarms                          |
            put c=123456789012345678901234567890123456789012345678901234567890 | no space
            alarms                          | NOSPACE 12
            put c=1                         | no space
            put c=1 lease 99                | no space
            grant 9 ttl 99999999999         | no space
            txn then put c=1                | no space
            txn if ver:a=9 then put c=1     | no space
            txn then ( then put c=1 )       | no space
            get a..                         | rev 3 of 2: a=1 b=1
            txn then get a , delete a       | rev 4 yes: rev 3 of 1: a=1, rev 4 deleted 1
            delete a..                      | rev 5 deleted 1
            revoke 7                        | rev 5
            compact 5                       | rev 5
            clean                           | removed 3
            put c=1                         | no space
            defragment                      | done
            put c=1                         | no space
            disarm NOSPACE 12               | rev 5 named
            disarm NOSPACE 12               | rev 5
            put c=1                         | rev 6
            """#,
            quota: Quota(bytes: 20_480 + 420)
        )
    }

    @Test func deletionsAndCompactionGiveNothingBackUntilDefragmentation() throws {
        try check(
            #"""
            put a=1                     | rev 2
            put a=2                     | rev 3
            delete a                    | rev 4 deleted 1
            compact 4                   | rev 4
            clean                       | removed 2
            size                        | used 20545 allocated 20677
            put a=3                     | no space
            disarm NOSPACE 12           | rev 4 named
            put a=3                     | no space
            defragment                  | done
            disarm NOSPACE 12           | rev 4 named
            put a=3                     | rev 5
            """#,
            quota: Quota(bytes: 20_677 + 258)
        )
    }

    @Test func aCorruptTenantIsNotChangedAnyMore() throws {
        try check(
            #"""
            grant 7 ttl 5               | rev 1 lease 7 ttl 5
            put a=1                     | rev 2
            alarm CORRUPT 0             | rev 2 named
            alarm CORRUPT 0             | rev 2 named
            put a=2                     | corrupt
            delete a                    | corrupt
            txn then get a              | corrupt
            compact 2                   | corrupt
            grant 8 ttl 5               | corrupt
            revoke 7                    | corrupt
            get a                       | rev 2 of 1: a=1
            alarm NOSPACE 3             | rev 2 named
            alarms                      | NOSPACE 3; CORRUPT 0
            defragment                  | done
            disarm CORRUPT 1            | rev 2
            disarm CORRUPT 0            | rev 2 named
            put a=2                     | no space
            delete a                    | rev 3 deleted 1
            """#
        )
    }
}
