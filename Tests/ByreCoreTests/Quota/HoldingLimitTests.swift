import ByreCore
import ByreTestKit
import Testing

/// Limits on keys, values and leases: at them everything goes on that adds none.
@Suite struct HoldingLimitTests {
    private static func quota(_ set: (inout TenantLimits) -> Void) -> Quota {
        var limits = TenantLimits()
        set(&limits)
        return Quota(limits, default: .default)
    }

    @Test func aTenantsLimitsStandBeforeTheServersDefault() {
        #expect(Self.quota { _ in }.bytes == Quota.default.bytes)
        #expect(Self.quota { _ in }.mode == .headroom)
        #expect(Self.quota { $0.bytes = 7 }.bytes == 7)
        #expect(Self.quota { $0.spaceMode = .strict } == .default)
    }

    @Test func keysAreLimitedToThoseThatAreLive() throws {
        try check(
            """
            put a=1                                      | rev 2
            put b=1 lease 9                              | lease not found
            grant 7 ttl 5                                | rev 2 lease 7 ttl 5
            put b=1 lease 7                              | rev 3
            put c=1                                      | too many keys
            put a=2                                      | rev 4
            txn then put a=3 , put b=3 lease 7           | rev 5 yes: rev 5, rev 5
            txn then put c=3                             | too many keys
            txn then ( then put c=3 )                    | too many keys
            txn if ver:a=9 then put c=3 else put a=4     | rev 6 no: rev 6
            txn then delete a , put c=3                  | too many keys
            alarms                                       |
            delete a                                     | rev 7 deleted 1
            put c=3                                      | rev 8
            put d=3                                      | too many keys
            revoke 7                                     | rev 9
            txn then put d=3 , put e=3                   | too many keys
            put d=3                                      | rev 10
            """,
            quota: Self.quota { $0.keys = 2 }
        )
    }

    @Test func valuesAreLimitedWhereTheyAreWritten() throws {
        try check(
            """
            put a=123                                    | rev 2
            put a=1234                                   | value too large
            put b=1234                                   | value too large
            txn then put a=1 , put b=1234                | value too large
            txn if ver:a=1 then put a=2 else put b=1234  | rev 3 yes: rev 3
            txn if ver:a=1 then put a=2 else put b=1234  | value too large
            put 1234=1                                   | rev 4
            alarms                                       |
            """,
            quota: Self.quota { $0.valueBytes = 3 }
        )
    }

    @Test func leasesAreLimitedToThoseThatLive() throws {
        try check(
            """
            grant 1 ttl 5                                | rev 1 lease 1 ttl 5
            grant 0 ttl 5 from 2                         | rev 1 lease 2 ttl 5
            grant 3 ttl 5                                | too many leases
            grant 1 ttl 5                                | too many leases
            put a=1 lease 1                              | rev 2
            alarms                                       |
            revoke 1                                     | rev 3
            grant 3 ttl 5                                | rev 3 lease 3 ttl 5
            grant 4 ttl 5                                | too many leases
            """,
            quota: Self.quota { $0.leases = 2 }
        )
    }

    @Test(arguments: [0, 1] as [Int64])
    func aLimitOfNothingIsOne(limit: Int64) throws {
        let answers = limit == 0 ? ["too many keys", "value too large", "too many leases"] : nil
        try check(
            "put a= | \(answers?[0] ?? "rev 2")",
            quota: Self.quota { $0.keys = limit }
        )
        try check(
            "put a=1 | \(answers?[1] ?? "rev 2")",
            quota: Self.quota { $0.valueBytes = limit }
        )
        try check(
            "grant 1 ttl 5 | \(answers?[2] ?? "rev 1 lease 1 ttl 5")",
            quota: Self.quota { $0.leases = limit }
        )
    }
}
