import ByreCore
import ByreTestKit
import Testing

/// Space in headroom mode: creates first, updates from a reserve, an alarm that clears itself.
@Suite struct HeadroomTests {
    private static let kilo = String(repeating: "k", count: 1_000)
    private static let half = String(repeating: "h", count: 500)

    private static func headroom(_ bytes: Int64?) -> Quota { Quota(bytes: bytes, mode: .headroom) }

    /// A version counts 64 bytes and its key and value, on top of an empty store's five pages.
    @Test func aCreateFitsUpToTheLimitAndNoFurther() throws {
        try check("put a=1 | rev 2", quota: Self.headroom(20_480 + 66))
        try check("put a=1 | no space", quota: Self.headroom(20_480 + 65))
        try check("txn then put a=1 | rev 2 yes: rev 2", quota: Self.headroom(20_480 + 66))
        try check("txn then put a=1 | no space", quota: Self.headroom(20_480 + 65))
        try check("grant 1 ttl 5 | rev 1 lease 1 ttl 5", quota: Self.headroom(20_480 + 64))
        try check("grant 1 ttl 5 | no space", quota: Self.headroom(20_480 + 63))
        try check("put a=1 | rev 2", quota: Self.headroom(nil))
    }

    @Test func fullTenantsMayUpdateDeleteAndCompact() throws {
        try check(
            """
            put a=\(Self.kilo)                                | rev 2
            put b=\(Self.kilo)                                | rev 3
            put c=1                                           | rev 4
            size                                              | used 22676 allocated 22676
            alarms                                            |
            put d=1                                           | no space
            alarms                                            | NOSPACE 12
            put a=2                                           | rev 5
            txn then put a=3                                  | rev 6 yes: rev 6
            txn then put e=1                                  | no space
            txn then put a=4 , put e=1                        | no space
            txn then put a=4 , ( then put e=1 )               | no space
            txn if ver:z=0 then put a=4 else put e=1          | rev 7 yes: rev 7
            txn if ver:z=1 then put e=1 else delete z         | rev 7 no: rev 7 deleted 0
            txn then delete b , put b=2                       | rev 8 yes: rev 8 deleted 1, rev 8
            grant 7 ttl 5                                     | no space
            delete b                                          | rev 9 deleted 1
            put b=1                                           | no space
            compact 9                                         | rev 9
            clean                                             | removed 6
            size                                              | used 20677 allocated 23070
            put d=1                                           | rev 10
            alarms                                            |
            grant 7 ttl 5                                     | rev 10 lease 7 ttl 5
            """,
            quota: Self.headroom(22_680)
        )
    }

    /// The alarm is cleared below 95 in 100 of the limit; in between creates wait for it.
    @Test func theAlarmDoesNotFlap() throws {
        try check(
            """
            put a=\(Self.kilo)      | rev 2
            put b=\(Self.kilo)      | rev 3
            put c=1                 | rev 4
            put d=1                 | no space
            put b=\(Self.half)      | rev 5
            compact 5               | rev 5
            clean                   | removed 1
            size                    | used 22176 allocated 23241
            put d=1                 | no space
            alarms                  | NOSPACE 12
            put b=2                 | rev 6
            disarm NOSPACE 12       | rev 6 named
            put d=1                 | rev 7
            alarms                  |
            """,
            quota: Self.headroom(22_680)
        )
    }

    @Test func aCreateThatIsTooLargeForTheRestRaisesNoAlarm() throws {
        let large = String(repeating: "l", count: 20_000)
        try check(
            """
            put a=\(large)         | no space
            alarms                  |
            put a=1                 | rev 2
            """,
            quota: Self.headroom(40_000)
        )
    }

    @Test(arguments: [(100_000 as Int64, 1 << 20 as Int64), (40 << 20, 4 << 20)])
    func updatesMayUseTheReserveAndNoMore(bytes: Int64, reserve: Int64) throws {
        var world = try TenantWorld(quota: Self.headroom(bytes))
        let value = Bytes(repeating: 1, count: 50_000)
        _ = try world.apply(.put(PutRequest(key: [97], value: value)))
        // The last one below the ceiling, then the first above it.
        while world.state.usedBytes + 50_065 <= bytes + reserve {
            _ = try world.apply(.put(PutRequest(key: [97], value: value)))
        }
        #expect(throws: RequestError.noSpace) {
            try world.apply(.put(PutRequest(key: [97], value: value)))
        }
        let left = Int(bytes + reserve - world.state.usedBytes) - 65
        _ = try world.apply(.put(PutRequest(key: [97], value: Bytes(repeating: 1, count: left))))
        #expect(world.state.usedBytes == bytes + reserve)
        #expect(throws: RequestError.noSpace) {
            try world.apply(.put(PutRequest(key: [97], value: [])))
        }
        #expect(world.state.hasAlarm(.noSpace))
        // Deletion and compaction are the way out.
        _ = try world.apply(.deleteRange(DeleteRangeRequest(range: .all)))
        _ = try world.apply(.compact(revision: world.state.revision))
        _ = try world.clean()
        _ = try world.apply(.put(PutRequest(key: [98], value: value)))
        #expect(!world.state.hasAlarm(.noSpace))
        let recovered = try #require(try world.recovered())
        #expect(world.state.differences(from: recovered) == [])
    }

    /// A value that is kept counts as often as it is kept.
    @Test func puttingAValueAnewCountsIt() throws {
        try check(
            """
            put a=\(Self.kilo)              | rev 2
            put a= ignore-value             | rev 3
            size                            | used 22610 allocated 22610
            """,
            quota: Self.headroom(22_610)
        )
    }

    @Test func anAlarmOfAnotherMemberIsNotTakenBack() throws {
        try check(
            """
            alarm NOSPACE 3         | rev 1 named
            put a=1                 | no space
            alarms                  | NOSPACE 3
            disarm NOSPACE 3        | rev 1 named
            alarm NOSPACE 12        | rev 1 named
            put a=1                 | rev 2
            alarms                  |
            """,
            quota: Self.headroom(1 << 30)
        )
    }

    @Test(arguments: [
        (Quota(bytes: 40_000, mode: .headroom), true),
        (Quota(bytes: 20_481, mode: .headroom), false),
        (Quota(bytes: nil, mode: .headroom), true), (Quota(bytes: 40_000, mode: .strict), false),
    ])
    func whenAnAlarmHasNothingToSay(quota: Quota, clears: Bool) throws {
        var world = try TenantWorld()
        #expect(!quota.mayClearAlarm(of: world.state))
        _ = try world.apply(.alarmActivate(world.state.noSpaceAlarm))
        #expect(quota.mayClearAlarm(of: world.state) == clears)
    }
}
