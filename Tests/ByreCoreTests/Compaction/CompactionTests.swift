import ByreCore
import ByreTestKit
import Testing

/// Which revisions may be compacted, what can be read afterwards, and what is kept.
@Suite struct CompactionTests {
    @Test func aCompactionGoesForwardOnly() throws {
        try check(
            #"""
            compact -1              | compacted
            compact 0               | rev 1
            compact 0               | compacted
            compact 2               | future revision
            compact 1               | rev 1
            put a=1                 | rev 2
            put a=2                 | rev 3
            compact 3               | rev 3
            compact 3               | compacted
            compact 2               | compacted
            compact 4               | future revision
            """#
        )
    }

    @Test func theCompactRevisionItselfCanBeRead() throws {
        try check(
            #"""
            put a=1                 | rev 2
            put a=2                 | rev 3
            put a=3                 | rev 4
            compact 3               | rev 4
            get a at 2              | compacted
            get a at 3              | rev 4 of 1: a=2
            get a at 5              | future revision
            clean                   | removed 1
            get a at 3              | rev 4 of 1: a=2
            get a                   | rev 4 of 1: a=3
            compact 4               | rev 4
            clean                   | removed 1
            stat a                  | rev 4 of 1: a=3/c2/m4/v3
            clean                   | removed 0
            """#
        )
    }

    @Test func deletedKeysGoButADeletionAtTheCompactRevisionStays() throws {
        // See: etcd #18089, #19179.
        try check(
            #"""
            put a=1                 | rev 2
            delete a                | rev 3 deleted 1
            put b=1                 | rev 4
            delete b                | rev 5 deleted 1
            compact 5               | rev 5
            clean                   | removed 3
            put c=1                 | rev 6
            compact 6               | rev 6
            clean                   | removed 1
            size                    | used 20546 allocated 20742
            get a.. at 6            | rev 6 of 1: c=1
            """#
        )
    }

    @Test func revisionsGoOnAfterEverythingIsCompacted() throws {
        // See: etcd #17780.
        try check(
            #"""
            put a=1                 | rev 2
            delete a                | rev 3 deleted 1
            txn                     | rev 3 yes
            put b=1                 | rev 4
            delete b                | rev 5 deleted 1
            compact 5               | rev 5
            clean                   | removed 3
            put a=1                 | rev 6
            stat a                  | rev 6 of 1: a=1/c6/m6/v1
            """#
        )
    }
}
