import ByreCore
import Synchronization
import Testing

/// etcd's watch rules, one table each.
///
/// Source: etcd `server/storage/mvcc/watchable_store.go`, `server/etcdserver/api/v3rpc/watch.go`.
@Suite struct WatchHubTests {
    // MARK: Creating

    @Test func automaticIDsCountFromZeroAndAreNotReused() throws {
        try WatchScript.check(
            """
            watch A a           | A created 0 @1
            watch A b id 2      | A created 2 @1
            watch A c           | A created 1 @1
            watch A d           | A created 3 @1
            cancel A 3          | A canceled 3 @1
            watch A e           | A created 4 @1
            watch B a           | B created 0 @1
            """
        )
    }

    @Test func idInUseIsRefusedUntilCanceled() throws {
        try WatchScript.check(
            """
            watch A a id 7      | A created 7 @1
            watch A b id 7      | A refused @1 mvcc: duplicate watch ID provided on the WatchStream
            put b=1             |
            cancel A 7          | A canceled 7 @2
            watch A b id 7      | A created 7 @2
            """
        )
    }

    @Test func refusalsComeInOrderOfRevisionPermissionRangeID() throws {
        try WatchScript.check(
            """
            watch A a id 7                | A created 7 @1
            watch A b..a from -1 denied id 7 | A refused @1 etcdserver: mvcc: required revision has been compacted
            watch A b..a denied id 7      | A refused @1 denied
            watch A b..a id 7             | A refused @1 mvcc: watcher range is empty
            watch A a..a                  | A refused @1 mvcc: watcher range is empty
            put a=1                       | A 7 @2: 2 PUT a=1
            """
        )
    }

    @Test func startRevisionChoosesWhatIsHeardFirst() throws {
        try WatchScript.check(
            """
            put a=1             |
            put a=2             |
            watch A a           | A created 0 @3
            watch A a from 3    | A created 1 @3; A 1 @3: 3 PUT a=2
            watch A a from 4    | A created 2 @3
            watch A a from 5    | A created 3 @3
            watch A a from 1    | A created 4 @3; A 4 @3: 2 PUT a=1, 3 PUT a=2
            cancel A 1          | A canceled 1 @3
            cancel A 4          | A canceled 4 @3
            put b=1             |
            put a=3             | A 2 @5: 5 PUT a=3; A 3 @5: 5 PUT a=3; A 0 @5: 5 PUT a=3
            """
        )
    }

    @Test func futureStartIsWaitedFor() throws {
        try WatchScript.check(
            """
            watch A a.. from 4  | A created 0 @1
            put a=1             |
            put a=2             |
            put a=3             | A 0 @4: 4 PUT a=3
            """
        )
    }

    @Test(arguments: [
        ("b", "2 PUT b=1"), ("b..d", "2 PUT b=1, 2 PUT c=1"),
        ("b..", "2 PUT b=1, 2 PUT c=1, 2 PUT d=1"),
        ("..", "2 PUT a=1, 2 PUT b=1, 2 PUT c=1, 2 PUT d=1"),
    ])
    func rangeChoosesKeys(range: String, events: String) throws {
        try WatchScript.check(
            """
            watch A \(range)                       | A created 0 @1
            txn put a=1 put b=1 put c=1 put d=1    | A 0 @2: \(events)
            watch B \(range) from 2                | B created 0 @2; B 0 @2: \(events)
            """
        )
    }

    @Test func limitsRefuseWithoutHarm() throws {
        var limits = WatchLimits()
        limits.watchersPerStreamMax = 2
        limits.watchersMax = 3
        try WatchScript.check(
            """
            watch A a      | A created 0 @1
            watch A a      | A created 1 @1
            watch A a      | A refused @1 etcdserver: too many requests
            watch B a      | B created 0 @1
            watch B a      | B refused @1 etcdserver: too many requests
            cancel A 0     | A canceled 0 @1
            watch B a      | B created 1 @1
            """,
            limits: limits
        )
    }

    @Test func streamsAreLimited() throws {
        var limits = WatchLimits()
        limits.streamsMax = 1
        let world = WatchWorld(limits: limits)
        let first = world.hub.openStream(loop: 3, progressInterval: .seconds(1), now: .zero)
        #expect(first?.loop == 3)
        let second = world.hub.openStream(loop: 0, progressInterval: .seconds(1), now: .zero)
        #expect(second == nil)
        world.hub.closeStream(try #require(first))
        let third = world.hub.openStream(loop: 0, progressInterval: .seconds(1), now: .zero)
        #expect(third != nil && third != first)
    }

    // MARK: Canceling

    @Test func cancelOfUnknownIDIsNotAnswered() throws {
        try WatchScript.check(
            """
            watch A a      | A created 0 @1
            cancel A 1     |
            put b=1        |
            cancel A 0     | A canceled 0 @2
            cancel A 0     |
            put a=1        |
            """
        )
    }

    @Test func startBeforeCompactionIsCreatedThenCanceled() throws {
        try WatchScript.check(
            """
            batch put a=1 then put a=2 then put a=3 | 
            compact 3           |
            watch A a from 2    | A created 0 @4; A compacted 0 at 3
            watch A a from 3    | A created 1 @4; A 1 @4: 3 PUT a=2, 4 PUT a=3
            watch A b id 0      | A created 2 @4
            put a=4             | A 1 @5: 5 PUT a=4
            """
        )
    }

    /// clientv3 answers a cancellation by compaction with a cancel request, which etcd answers.
    @Test func watcherEndedByCompactionIsCanceledOnceMore() throws {
        try WatchScript.check(
            """
            batch put a=1 then put a=2 | 
            compact 3           |
            watch A a from 2 id 5 | A created 5 @3; A compacted 5 at 3
            watch A a id 5      | A refused @3 mvcc: duplicate watch ID provided on the WatchStream
            progress A          |
            cancel A 5          | A canceled 5 @3
            cancel A 5          |
            """
        )
    }

    @Test func watcherOvertakenByCompactionIsCanceled() throws {
        try WatchScript.check(
            """
            put a=1             |
            pause               |
            watch A a from 2    | A created 0 @2
            put a=2             |
            compact 3           |
            resume              | A compacted 0 at 3
            """
        )
    }

    @Test func sliceInFlightSurvivesCompaction() throws {
        try WatchScript.check(
            """
            batch put a=1 then put a=2 |
            pause                     |
            watch A a from 2 prev     | A created 0 @3
            load                      |
            compact 3                 |
            deliver                   | A 0 @3: 2 PUT a=1, 3 PUT a=2 was 1
            put a=3                   | A 0 @4: 4 PUT a=3 was 2
            """
        )
    }

    @Test func abandonedSliceIsRetriedOrEndedByCompaction() throws {
        try WatchScript.check(
            """
            put a=1             |
            pause               |
            watch A a from 2    | A created 0 @2
            load                |
            abandon             |
            load                |
            deliver             | A 0 @2: 2 PUT a=1
            watch A a from 2    | A created 1 @2
            load                |
            put b=1             |
            compact 3           |
            abandon             |
            resume              | A compacted 1 at 3
            """
        )
    }

    @Test func canceledWatcherGetsNothingOfASliceInFlight() throws {
        try WatchScript.check(
            """
            put a=1             |
            pause               |
            watch A a from 2    | A created 0 @2
            watch B a from 2    | B created 0 @2
            load                |
            cancel A 0          | A canceled 0 @2
            close B             |
            deliver             |
            put a=2             |
            """
        )
    }

    // MARK: Events

    @Test func livePathSendsOneResponseForEachRevision() throws {
        try WatchScript.check(
            """
            watch A a..             | A created 0 @1
            batch put a=1 put b=1 then put a=2 then del b put c=1 | A 0 @2: 2 PUT a=1, 2 PUT b=1; A 0 @3: 3 PUT a=2; A 0 @4: 4 DEL b, 4 PUT c=1
            """
        )
    }

    @Test func catchUpSendsManyRevisionsUnderTheCurrentOne() throws {
        try WatchScript.check(
            """
            batch put a=1 then put a=2 then del a then put z=1 |
            watch A a from 2    | A created 0 @5; A 0 @5: 2 PUT a=1, 3 PUT a=2, 4 DEL a
            """
        )
    }

    @Test func catchUpBatchHoldsSoManyRevisions() throws {
        var limits = WatchLimits()
        limits.catchUpRevisionsMax = 2
        try WatchScript.check(
            """
            batch put a=1 put b=1 then put a=2 put b=2 then put a=3 then put c=1 then put a=4 |
            watch A a..c from 1 | A created 0 @6; A 0 @6: 2 PUT a=1, 2 PUT b=1, 3 PUT a=2, 3 PUT b=2; A 0 @6: 4 PUT a=3, 6 PUT a=4
            put a=5             | A 0 @7: 7 PUT a=5
            """,
            limits: limits
        )
    }

    @Test func boundedScanDoesNotSplitARevision() throws {
        var limits = WatchLimits()
        limits.catchUpRecordsMax = 1
        try WatchScript.check(
            """
            batch put a=1 put b=1 then put c=1 then put a=2 put b=2 |
            watch A a..c from 1 | A created 0 @4; A 0 @4: 2 PUT a=1, 2 PUT b=1; A 0 @4: 4 PUT a=2, 4 PUT b=2
            watch A b from 1    | A created 1 @4; A 1 @4: 2 PUT b=1; A 1 @4: 4 PUT b=2
            """,
            limits: limits
        )
    }

    @Test func truncatedSliceIsContinued() throws {
        let world = WatchWorld()
        world.commit([[("a", "1"), ("b", "1")], [("a", "2")], [("b", "2"), ("a", "3")]])
        let stream = try world.open()
        var request = WatchScript.request(range: "..")
        request.startRevision = 2
        world.hub.create(request, on: stream, now: .zero)
        var sizes: [Int] = []
        while world.step(bytesMax: 1) {
            sizes.append(try #require(world.slices.first).slice.entries.count)
            world.deliver(0)
        }
        #expect(sizes == [2, 1, 2])
    }

    @Test func filtersDropEventsAndEmptyBatches() throws {
        try WatchScript.check(
            """
            watch A a.. noput           | A created 0 @1
            watch B a.. nodelete        | B created 0 @1
            watch C a.. noput nodelete  | C created 0 @1
            put a=1                     | B 0 @2: 2 PUT a=1
            del a                       | A 0 @3: 3 DEL a
            txn put a=2 put b=1         | B 0 @4: 4 PUT a=2, 4 PUT b=1
            txn del a put c=1           | A 0 @5: 5 DEL a; B 0 @5: 5 PUT c=1
            watch D a.. from 2 noput    | D created 0 @5; D 0 @5: 3 DEL a, 5 DEL a
            watch D a.. from 2 noput nodelete | D created 1 @5
            progress D                  | D progress -1 @5
            """
        )
    }

    @Test func previousValueIsThatOfTheRevisionBefore() throws {
        try WatchScript.check(
            """
            watch A a.. prev            | A created 0 @1
            watch B a..                 | B created 0 @1
            put a=1                     | A 0 @2: 2 PUT a=1; B 0 @2: 2 PUT a=1
            put a=2                     | A 0 @3: 3 PUT a=2 was 1; B 0 @3: 3 PUT a=2
            txn put a=3 put b=1         | A 0 @4: 4 PUT a=3 was 2, 4 PUT b=1; B 0 @4: 4 PUT a=3, 4 PUT b=1
            del a                       | A 0 @5: 5 DEL a was 3; B 0 @5: 5 DEL a
            put a=4                     | A 0 @6: 6 PUT a=4; B 0 @6: 6 PUT a=4
            txn put c=1 del c           | A 0 @7: 7 PUT c=1, 7 DEL c; B 0 @7: 7 PUT c=1, 7 DEL c
            watch C a.. from 2 prev     | C created 0 @7; C 0 @7: 2 PUT a=1, 3 PUT a=2 was 1, 4 PUT a=3 was 2, 4 PUT b=1, 5 DEL a was 3, 6 PUT a=4, 7 PUT c=1, 7 DEL c
            """
        )
    }

    @Test func previousValueBeforeTheCompactRevisionIsAbsent() throws {
        try WatchScript.check(
            """
            batch put a=1 then put a=2 then put a=3 |
            compact 3                   |
            watch A a from 3 prev       | A created 0 @4; A 0 @4: 3 PUT a=2, 4 PUT a=3 was 2
            """
        )
    }

    /// The committer asks before it publishes; a watcher created in between takes the other path.
    @Test func previousValueThatIsNotLoadedIsCaughtUpOn() throws {
        let world = WatchWorld()
        world.commit([[("a", "1")]])
        let needed = world.hub.needsPreviousValue(of: Bytes("a".utf8))
        #expect(!needed)
        let stream = try world.open()
        var request = WatchScript.request(range: "a")
        request.options = .previousKV
        world.hub.create(request, on: stream, now: .zero)
        request.options = .noPut.union(.previousKV)
        world.hub.create(request, on: stream, now: .zero)
        _ = world.take(stream)
        let isNeededNow = world.hub.needsPreviousValue(of: Bytes("a".utf8))
        #expect(isNeededNow)
        let version = Version(
            modRevision: 3,
            sub: 0,
            valueSize: 1,
            createRevision: 2,
            version: 2,
            lease: .none,
            row: RowID(rawValue: 2)
        )
        let event = WatchEvent(
            key: Bytes("a".utf8),
            version: version,
            value: Bytes("2".utf8),
            previous: .notLoaded
        )
        let wakes = world.hub.publish([event])
        #expect(wakes.isEmpty)
        let slow = world.hub.counters.slowWatchers
        #expect(slow == 1)
        let progress = world.hub.requestProgress(on: stream)
        #expect(!progress)
        guard case .load(let slice) = world.hub.nextCatchUp() else {
            Issue.record("the watcher catches up")
            return
        }
        #expect(slice.entries.map(\.revision.main) == [3])
        #expect(slice.wantsPrevious(of: slice.entries[0]))
    }

    @Test func fragmentMayBeSplitOnlyIfAskedFor() throws {
        try WatchScript.check(
            """
            watch A a fragment      | A created 0 @1
            put a=1                 | A 0 @2 frag: 2 PUT a=1
            watch B a from 2 fragment | B created 0 @2; B 0 @2 frag: 2 PUT a=1
            """
        )
    }

    // MARK: Progress

    @Test func manualProgressNeedsAllWatchersSynced() throws {
        try WatchScript.check(
            """
            progress A              |
            watch A a               | A created 0 @1
            progress A              | A progress -1 @1
            put b=1                 |
            progress A              | A progress -1 @2
            pause                   |
            watch A b from 2        | A created 1 @2
            progress A              |
            load                    |
            progress A              |
            deliver                 | A 1 @2: 2 PUT b=1
            progress A              | A progress -1 @2
            """
        )
    }

    @Test func periodicProgressSkipsAWatcherThatHeardEvents() throws {
        try WatchScript.check(
            """
            watch A a notify        | A created 0 @1
            watch A b               | A created 1 @1
            tick 9                  |
            tick 1                  | A progress 0 @1
            put b=1                 | A 1 @2: 2 PUT b=1
            tick 10                 | A progress 0 @2
            put a=1                 | A 0 @3: 3 PUT a=1
            tick 10                 |
            tick 10                 | A progress 0 @3
            tick 35                 | A progress 0 @3
            tick 9                  |
            tick 1                  | A progress 0 @3
            cancel A 0              | A canceled 0 @3
            tick 10                 |
            watch A a notify        | A created 2 @3
            tick 10                 | A progress 2 @3
            """
        )
    }

    @Test func watcherCreatedOnAnOldStreamIsNotNotifiedAtOnce() throws {
        try WatchScript.check(
            """
            watch A a               | A created 0 @1
            tick 100                |
            watch A a notify        | A created 1 @1
            tick 9                  |
            tick 1                  | A progress 1 @1
            """
        )
    }

    @Test func periodicProgressSkipsAWatcherThatCatchesUp() throws {
        try WatchScript.check(
            """
            put a=1                 |
            pause                   |
            watch A a from 2 notify | A created 0 @2
            tick 10                 |
            resume                  | A 0 @2: 2 PUT a=1
            tick 10                 |
            tick 10                 | A progress 0 @2
            """
        )
    }

    // MARK: Slow streams

    /// Room for two small messages before a stream counts as full, and for one when it has drained.
    private var tightLimits: WatchLimits {
        var limits = WatchLimits()
        limits.outboxBytesMax = 130
        return limits
    }

    @Test func slowStreamLosesNothingAndCostsOthersNothing() throws {
        try WatchScript.check(
            """
            watch A a..     | A created 0 @1
            watch B a..     | B created 0 @1
            hold A          |
            put a=1         | B 0 @2: 2 PUT a=1
            put a=2         | B 0 @3: 3 PUT a=2
            put a=3         | B 0 @4: 4 PUT a=3
            put a=4         | B 0 @5: 5 PUT a=4
            progress A      |
            release A       | A 0 @2: 2 PUT a=1; A 0 @3: 3 PUT a=2; A 0 @5: 4 PUT a=3, 5 PUT a=4
            put a=5         | A 0 @6: 6 PUT a=5; B 0 @6: 6 PUT a=5
            progress A      | A progress -1 @6
            """,
            limits: self.tightLimits
        )
    }

    @Test func slowStreamMayBeOvertakenByCompaction() throws {
        try WatchScript.check(
            """
            watch A a..     | A created 0 @1
            hold A          |
            batch put a=1 then put a=2 then put a=3 then put a=4 |
            compact 5       |
            release A       | A 0 @2: 2 PUT a=1; A 0 @3: 3 PUT a=2; A compacted 0 at 5
            """,
            limits: self.tightLimits
        )
    }

    @Test func fullStreamIsBackedUpAndHoldsBoundedBytes() throws {
        var limits = WatchLimits()
        limits.outboxBytesMax = 10_000
        let world = WatchWorld(limits: limits)
        let stream = try world.open()
        for _ in 0..<5 {
            world.hub.create(WatchScript.request(range: ".."), on: stream, now: .zero)
        }
        let value = String(repeating: "x", count: 1000)
        for _ in 0..<100 { world.commit([[("a", value)]]) }
        let isBackedUp = world.hub.isBackedUp(stream)
        #expect(isBackedUp)
        let counters = world.hub.counters
        #expect(counters.slowWatchers == 5)
        let hasWork = world.hub.hasCatchUpWork
        #expect(!hasWork, "nothing is loaded for a stream that takes nothing")
        var bytes = 0
        var batches: Set<ObjectIdentifier> = []
        for response in world.take(stream) {
            bytes += 64
            if case .events(_, _, let batch, _) = response,
                batches.insert(ObjectIdentifier(batch)).inserted
            {
                bytes += batch.byteCount
            }
        }
        #expect(bytes >= 10_000 && bytes < 12_000)
        #expect(counters.pendingEvents > 5 * 5, "watchers of a stream are charged once for a batch")
    }

    @Test func takeStopsAtItsBudget() throws {
        let world = WatchWorld()
        let stream = try world.open()
        world.hub.create(WatchScript.request(range: ".."), on: stream, now: .zero)
        world.commit((0..<3).map { [("a", "\($0)")] })
        #expect(world.take(stream, bytesMax: 0).count == 1)
        #expect(world.take(stream, bytesMax: 100).count == 2)
        #expect(world.awake.contains(stream))
        #expect(world.take(stream).count == 1)
        #expect(!world.awake.contains(stream))
    }

    @Test func streamIsWokenOnceUntilItIsDrained() throws {
        let world = WatchWorld()
        let stream = try world.open()
        world.hub.create(WatchScript.request(range: ".."), on: stream, now: .zero)
        _ = world.take(stream)
        world.commit([[("a", "1")]])
        #expect(world.awake == [stream])
        world.commit([[("a", "2")]])
        _ = world.take(stream)
        world.commit([[("a", "3")]])
        #expect(world.awake == [stream])
    }

    // MARK: Sharing

    @Test func eventIsEncodedOnceForEachVariantSomebodyWants() throws {
        let world = WatchWorld()
        world.commit([[("a", "0")]])
        #expect(world.encodings.count == 0)
        for name in 0..<20 {
            let stream = try world.open()
            for range in ["a", "a..b", "a.."] {
                var request = WatchScript.request(range: range)
                if name.isMultiple(of: 2) { request.options = .previousKV }
                world.hub.create(request, on: stream, now: .zero)
            }
        }
        world.commit([[("a", "1")]])
        #expect(world.encodings.count == 2)
        world.commit([[("b", "1")]])
        #expect(world.encodings.count == 3, "a creation looks the same in both variants")
    }

    @Test func laggingWatchersOfARangeShareASlice() throws {
        let world = WatchWorld()
        world.commit((0..<10).map { [("a", "\($0)")] })
        for start in 0..<10 {
            let stream = try world.open()
            var request = WatchScript.request(range: "a")
            request.startRevision = 2 + Int64(start)
            world.hub.create(request, on: stream, now: .zero)
        }
        var slices = 0
        while world.step() {
            if !world.slices.isEmpty { world.deliver(0) }
            slices += 1
        }
        #expect(slices == 1)
        #expect(world.encodings.count == 10)
        let counters = world.hub.counters
        #expect(counters.slowWatchers == 0)
        #expect(counters.pendingEvents == 55)
    }

    @Test func streamLoadsOneSliceAtATime() throws {
        let world = WatchWorld()
        world.commit([[("a", "1"), ("b", "1")]])
        let stream = try world.open()
        for key in ["a", "b"] {
            var request = WatchScript.request(range: key)
            request.startRevision = 2
            world.hub.create(request, on: stream, now: .zero)
        }
        while world.step() {}
        #expect(world.slices.count == 1, "or the outbox would be passed by a batch of each")
        world.deliver(0)
        while world.step() {}
        #expect(world.slices.count == 1)
    }

    @Test func catchUpServesStreamsInTurn() throws {
        var limits = WatchLimits()
        limits.catchUpRevisionsMax = 1
        let world = WatchWorld(limits: limits)
        world.commit((0..<3).flatMap { value in ["a", "b", "c"].map { [($0, "\(value)")] } })
        var keys: [String] = []
        for key in ["a", "b", "c"] {
            let stream = try world.open()
            var request = WatchScript.request(range: key)
            request.startRevision = 2
            world.hub.create(request, on: stream, now: .zero)
        }
        while world.step() {
            for (slice, _) in world.slices {
                keys.append(String(decoding: slice.entries[0].key, as: UTF8.self))
                world.deliver(0)
            }
        }
        #expect(keys == ["a", "b", "c", "a", "b", "c", "a", "b", "c"])
    }

    // MARK: Ending

    @Test func closedStreamIsForgotten() throws {
        let world = WatchWorld()
        world.commit([[("a", "1")]])
        let stream = try world.open()
        var request = WatchScript.request(range: "a..")
        world.hub.create(request, on: stream, now: .zero)
        request.startRevision = 1
        world.hub.create(request, on: stream, now: .zero)
        world.hub.closeStream(stream)
        let counters = world.hub.counters
        #expect(
            [counters.streams, counters.watchers, counters.slowWatchers, counters.pendingEvents]
                == [0, 0, 0, 0]
        )
        let hasWork = world.hub.hasCatchUpWork
        #expect(!hasWork)
        world.commit([[("a", "2")]])
        #expect(world.take(stream).isEmpty)
        #expect(world.encodings.count == 0)
        let created = world.hub.create(request, on: stream, now: .zero)
        #expect(created == nil)
    }

    @Test func closedStreamStaysClosedWhenAnotherTakesItsSlot() throws {
        let world = WatchWorld()
        let old = try world.open()
        let other = try world.open()
        world.hub.closeStream(old)
        let new = try world.open()
        #expect(new.slot == old.slot && new.slot != other.slot)
        world.hub.create(WatchScript.request(range: ".."), on: new, now: .zero)
        #expect(world.take(old).isEmpty)
        #expect(world.take(new).count == 1)
        world.hub.closeStream(old)
        world.commit([[("a", "1")]])
        #expect(world.awake == [new])
        #expect(world.take(new).count == 1)
        #expect(world.hub.counters.streams == 2)
    }

    @Test func hubLivesUnderAMutex() {
        let hub = Mutex(
            WatchHub(committedRevision: 1, compactRevision: -1) { event, _ in event.value }
        )
        let stream = hub.withLock {
            $0.openStream(loop: 0, progressInterval: .seconds(1), now: .zero)
        }
        #expect(stream != nil)
        let wakes = hub.withLock { $0.takeWakes() }
        #expect(wakes.isEmpty)
    }
}
