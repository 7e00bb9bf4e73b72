import ByreCore
import Testing

/// Bugs that etcd once had in its watches: <https://github.com/etcd-io/etcd/issues>, by number.
@Suite struct WatchRegressionTests {
    // See: etcd #15220. Progress was sent beside the events and could overtake them.
    @Test func progressDoesNotOvertakeEvents() throws {
        try WatchScript.check(
            """
            watch A a..     | A created 0 @1
            hold A          |
            put a=1         |
            progress A      |
            put a=2         |
            progress A      |
            release A       | A 0 @2: 2 PUT a=1; A progress -1 @2; A 0 @3: 3 PUT a=2; A progress -1 @3
            """
        )
    }

    // See: etcd #15271. A watch resumed went back in time.
    @Test func resumedWatchDoesNotGoBack() throws {
        try WatchScript.check(
            """
            batch put a=1 then put a=2 then put a=3 |
            watch A a from 3    | A created 0 @4; A 0 @4: 3 PUT a=2, 4 PUT a=3
            close A             |
            watch A a from 5    | A created 0 @4
            progress A          |
            put a=4             | A 0 @5: 5 PUT a=4
            """
        )
    }

    // See: etcd #17247. Events were sent twice when a watcher moved between the paths.
    @Test func eventsPublishedDuringALoadAreNotSentTwice() throws {
        try WatchScript.check(
            """
            put a=1             |
            pause               |
            watch A a from 2    | A created 0 @2
            load                |
            put a=2             |
            deliver             | A 0 @3: 2 PUT a=1
            put a=3             |
            load                |
            deliver             | A 0 @4: 3 PUT a=2, 4 PUT a=3
            put a=4             | A 0 @5: 5 PUT a=4
            """
        )
    }

    // See: etcd #17529. Events were lost for watchers that starved while others were served.
    @Test func starvedWatcherLosesNothing() throws {
        var limits = WatchLimits()
        limits.outboxBytesMax = 100
        try WatchScript.check(
            """
            watch A a..         | A created 0 @1
            watch A b..         | A created 1 @1
            hold A              |
            put b=1             |
            put b=2             |
            put a=1             |
            put b=3             |
            release A           | A 0 @2: 2 PUT b=1; A 1 @2: 2 PUT b=1; A 0 @5: 3 PUT b=2, 4 PUT a=1, 5 PUT b=3; A 1 @5: 3 PUT b=2, 5 PUT b=3
            """,
            limits: limits
        )
    }

    // See: etcd #17780. The revision fell back after a restart when the newest was compacted away.
    @Test func revisionDoesNotComeFromTheLog() throws {
        let world = WatchWorld()
        world.commit([[("a", "1")], [("a", nil)], [("b", "1")]])
        world.hub.compact(to: 4)
        world.hub.truncateLog()
        world.hub.compact(to: 4)
        let revision = world.hub.committedRevision
        #expect(revision == 4)
        world.commit([[("a", "1")]])
        let next = world.hub.committedRevision
        #expect(next == 5)
    }

    // See: etcd #18089, #19179. The deletion at the compact revision was not seen from there.
    @Test func deletionAtTheCompactRevisionIsSeen() throws {
        try WatchScript.check(
            """
            batch put a=1 then del a then put b=1 |
            compact 3           |
            watch A a from 3    | A created 0 @4; A 0 @4: 3 DEL a
            compact 4           |
            watch A a from 3    | A created 1 @4; A compacted 1 at 4
            watch A a from 4    | A created 2 @4
            """
        )
    }

    // See: etcd #20221. Progress was told to a watch that starts in the future.
    @Test func progressWaitsForAFutureStart() throws {
        try WatchScript.check(
            """
            watch A a from 3 notify | A created 0 @1
            progress A              |
            tick 10                 |
            put b=1                 |
            progress A              |
            tick 10                 |
            put b=2                 |
            progress A              | A progress -1 @3
            tick 10                 | A progress 0 @3
            """
        )
    }
}
