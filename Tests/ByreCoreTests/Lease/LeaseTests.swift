import ByreCore
import ByreTestKit
import Testing

/// Leases and the keys attached to them.
@Suite struct LeaseTests {
    @Test func aLeaseIsGrantedWithinTheBoundsOfItsTime() throws {
        try check(
            #"""
            grant 7 ttl 60 min 2                | rev 1 lease 7 ttl 60
            grant 8 ttl 1 min 2                 | rev 1 lease 8 ttl 2
            grant 9 ttl -5 min 2                | rev 1 lease 9 ttl 2
            grant 10 ttl 9000000000             | rev 1 lease 10 ttl 9000000000
            grant 11 ttl 9000000001             | ttl too large
            grant 7 ttl 9000000001              | ttl too large
            grant 7 ttl 60                      | lease exists
            grant -9223372036854775808 ttl 5    | rev 1 lease -9223372036854775808 ttl 5
            revoke 99                           | lease not found
            revoke 0                            | lease not found
            revoke 7                            | rev 1
            revoke 7                            | lease not found
            grant 7 ttl 30                      | rev 1 lease 7 ttl 30
            leases                              | -9223372036854775808 5s; 7 30s; 8 2s; 9 2s; 10 9000000000s
            """#
        )
    }

    @Test func anIDThatTheServerPicksIsPositiveAndFree() throws {
        try check(
            #"""
            grant 0 ttl 5 from 5                    | rev 1 lease 5 ttl 5
            grant 0 ttl 5 from 5                    | rev 1 lease 6 ttl 5
            grant 0 ttl 5 from -9223372036854775808 | rev 1 lease 1 ttl 5
            grant 0 ttl 5 from -1                   | rev 1 lease 9223372036854775807 ttl 5
            grant 0 ttl 5 from -1                   | rev 1 lease 2 ttl 5
            grant 0 ttl 5 from 0                    | rev 1 lease 3 ttl 5
            """#
        )
    }

    @Test func aKeyIsAttachedToTheLeaseOfItsLatestPut() throws {
        try check(
            #"""
            grant 7 ttl 5               | rev 1 lease 7 ttl 5
            grant 8 ttl 5               | rev 1 lease 8 ttl 5
            put a=1 lease 7             | rev 2
            put b=1 lease 7             | rev 3
            put c=1 lease 7             | rev 4
            leases                      | 7 5s a b c; 8 5s
            put a=2 lease 7             | rev 5
            put b=2 lease 8             | rev 6
            put c=2                     | rev 7
            leases                      | 7 5s a; 8 5s b
            delete a                    | rev 8 deleted 1
            leases                      | 7 5s; 8 5s b
            put a=3                     | rev 9
            txn then put a=4 lease 8 , delete b | rev 10 yes: rev 10, rev 10 deleted 1
            leases                      | 7 5s; 8 5s a
            compact 10                  | rev 10
            clean                       | removed 7
            leases                      | 7 5s; 8 5s a
            """#
        )
    }

    @Test func aRevocationDeletesItsKeysInByteOrderInOneRevision() throws {
        try check(
            #"""
            grant 7 ttl 5               | rev 1 lease 7 ttl 5
            grant 8 ttl 5               | rev 1 lease 8 ttl 5
            put b=1 lease 7             | rev 2
            put ab=1 lease 7            | rev 3
            put c=1 lease 8             | rev 4
            put a=1 lease 7             | rev 5
            put z=1                     | rev 6
            changes                     | 2.0 put b=1; 3.0 put ab=1; 4.0 put c=1; 5.0 put a=1; 6.0 put z=1
            revoke 7                    | rev 7
            changes                     | 7.0 delete a was m5; 7.1 delete ab was m3; 7.2 delete b was m2
            get a..                     | rev 7 of 2: c=1 z=1
            leases                      | 8 5s c
            revoke 8                    | rev 8
            leases                      |
            """#
        )
    }

    /// The rows of a lease's first life name it; its second one has no part in them.
    @Test func aLeaseGrantedAnewHasNoKeysOfItsFirstLife() throws {
        try check(
            #"""
            grant 7 ttl 5               | rev 1 lease 7 ttl 5
            put a=1 lease 7             | rev 2
            put b=1 lease 7             | rev 3
            put b=2                     | rev 4
            revoke 7                    | rev 5
            grant 7 ttl 9               | rev 5 lease 7 ttl 9
            put c=1 lease 7             | rev 6
            leases                      | 7 9s c
            """#
        )
    }
}
