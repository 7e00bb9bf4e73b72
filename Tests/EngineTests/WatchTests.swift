import ByreCore
import ByreTestKit
import Engine
import Testing

/// Watches of a running store: woken by commits, caught up from the backend.
@Suite struct WatchTests {
    @Test func aWatcherIsWokenByACommitAndByNothingElse() throws {
        let fixture = try StoreFixture()
        try fixture.run("put a=0")
        let client = try WatchClient(fixture)
        client.watch()
        client.drain()
        #expect(fixture.waker.all.isEmpty)
        fixture.backend.failCommits([.before(.unavailable("full"))])
        try fixture.run("put a=1")
        try fixture.run("delete x")
        #expect(fixture.waker.all.isEmpty)
        try fixture.run("put a=2")
        try fixture.turn()
        #expect(fixture.waker.all.count == 1)
        try fixture.run("txn then delete a , put b=1")
        try fixture.turn()
        // It has been told already, and has not looked.
        #expect(fixture.waker.all.count == 1)
        client.drain()
        #expect(client.lines == ["created", "3 PUT a=2", "4 DEL a", "4 PUT b=1"])
        try fixture.run("put b=2")
        try fixture.turn()
        #expect(fixture.waker.all.count == 2)
    }

    /// A writer does not wait until thousands of watchers have been told.
    @Test func aWriterIsAnsweredBeforeWatchersAreWoken() throws {
        let fixture = try StoreFixture()
        let client = try WatchClient(fixture)
        client.watch()
        client.drain()
        for value in 1...3 {
            let answer = Answer(whenComplete: { [waker = fixture.waker] in waker.all.count })
            try fixture.submit("put a=\(value)", reply: answer)
            try fixture.waker.wait()
            #expect(answer.seen == value - 1)
            client.drain()
        }
        #expect(client.lines == ["created", "2 PUT a=1", "3 PUT a=2", "4 PUT a=3"])
    }

    @Test(arguments: [0, 1 << 20])
    func previousValuesComeFromWhereTheyAre(cacheBytes: Int) throws {
        let fixture = try StoreFixture { $0.cacheBytes = cacheBytes }
        try fixture.run("put a=1")
        let client = try WatchClient(fixture)
        client.watch(from: 0, .previousKV)
        for line in ["put a=2", "put b=1", "txn then put a=3 , delete b", "delete a"] {
            try fixture.run(line)
        }
        client.drain()
        #expect(
            client.lines == [
                "created", "3 PUT a=2 was 1", "4 PUT b=1", "5 PUT a=3 was 2", "5 DEL b was 1",
                "6 DEL a was 3",
            ]
        )
    }

    /// One that cannot be loaded when the event is published is loaded when the backend works again.
    @Test func aPreviousValueThatCannotBeLoadedComesLater() throws {
        let fixture = try StoreFixture { $0.cacheBytes = 0 }
        try fixture.run("put a=1")
        let client = try WatchClient(fixture)
        client.watch(from: 0, .previousKV)
        fixture.backend.failReads(.unavailable("no disk"))
        #expect(try fixture.run("put a=2") == "rev 3")
        #expect(try fixture.run("put a=3") == "rev 4")
        client.drain()
        #expect(client.lines == ["created"])
        fixture.backend.failReads(nil)
        fixture.clock.advance(bySeconds: 1)
        try fixture.turn()
        try client.drain(to: 3)
        #expect(client.lines == ["created", "3 PUT a=2 was 1", "4 PUT a=3 was 2"])
    }

    @Test func historyIsCaughtUpFromTheBackend() throws {
        let fixture = try StoreFixture { $0.cacheBytes = 0 }
        for line in ["put a=1", "put b=1", "delete a", "put a=2"] { try fixture.run(line) }
        let client = try WatchClient(fixture)
        client.watch(from: 3, .previousKV)
        try client.drain(to: 4)
        #expect(client.lines == ["created", "3 PUT b=1", "4 DEL a was 1", "5 PUT a=2"])
        try fixture.run("put b=2")
        try client.drain(to: 5)
        #expect(client.lines.last == "6 PUT b=2 was 1")
    }

    @Test func historyIsCaughtUpAfterARestart() throws {
        let fixture = try StoreFixture()
        for line in ["put a=1", "put b=1", "delete a", "put a=2"] { try fixture.run(line) }
        fixture.stop()
        let again = try StoreFixture(on: fixture.memory.reopened())
        let client = try WatchClient(again)
        client.watch(from: 2)
        try client.drain(to: 5)
        #expect(
            client.lines == ["created", "2 PUT a=1", "3 PUT b=1", "4 DEL a", "5 PUT a=2"]
        )
    }

    @Test func aWatcherThatDoesNotDrainMissesNothing() throws {
        var limits = WatchLimits()
        limits.outboxBytesMax = 300
        let fixture = try StoreFixture(watchLimits: limits) { $0.cacheBytes = 0 }
        let slow = try WatchClient(fixture)
        let quick = try WatchClient(fixture)
        slow.watch()
        quick.watch()
        var expected = ["created"]
        for number in 1...200 {
            try fixture.run("put k\(number % 7)=\(number)")
            expected.append("\(number + 1) PUT k\(number % 7)=\(number)")
            quick.drain()
        }
        let slowWatchers = fixture.tenant.withHub { $0.counters.slowWatchers }
        #expect(slowWatchers >= 1)
        try slow.drain(to: 201)
        #expect(slow.lines == expected)
        try quick.drain(to: 201)
        #expect(quick.lines == expected)
        #expect(fixture.backend.reads > 0)
        slow.close()
        try fixture.run("put k1=end")
        try quick.drain(to: 202)
    }

    @Test func aWatchOfWhatIsCompactedEnds() throws {
        let fixture = try StoreFixture()
        for value in 1...5 { try fixture.run("put a=\(value)") }
        try fixture.run("compact 4")
        let old = try WatchClient(fixture)
        old.watch(from: 3)
        try old.drain(to: 2)
        #expect(old.lines == ["created", "compacted 4"])
        try fixture.compactAll()
        let new = try WatchClient(fixture)
        new.watch(from: 4)
        try new.drain(to: 4)
        #expect(new.lines == ["created", "4 PUT a=3", "5 PUT a=4", "6 PUT a=5"])
    }

    @Test func aDeletionAtTheCompactRevisionIsStillTold() throws {
        // See: etcd #18089, #19179.
        let fixture = try StoreFixture()
        for line in ["put a=1", "delete a", "compact 3"] { try fixture.run(line) }
        try fixture.compactAll()
        let client = try WatchClient(fixture)
        client.watch(from: 3)
        try client.drain(to: 2)
        #expect(client.lines == ["created", "3 DEL a"])
    }

    @Test func anExpiredLeaseIsToldAsDeletions() throws {
        let fixture = try StoreFixture()
        for line in ["grant 7 ttl 5", "put b=1 lease 7", "put a=1 lease 7"] {
            try fixture.run(line)
        }
        let client = try WatchClient(fixture)
        client.watch(from: 0, .previousKV)
        fixture.clock.advance(bySeconds: 5)
        try fixture.turn()
        client.drain()
        #expect(client.lines == ["created", "4 DEL a was 1", "4 DEL b was 1"])
    }

    @Test func quietWatchersHearOfProgressByTheClock() throws {
        let fixture = try StoreFixture()
        try fixture.run("put a=1")
        let client = try WatchClient(fixture)
        client.watch(from: 0, .progressNotify)
        fixture.clock.advance(bySeconds: 9)
        try fixture.turn()
        client.drain()
        #expect(client.lines == ["created"])
        fixture.clock.advance(bySeconds: 2)
        try fixture.turn()
        try client.drain(to: 2)
        #expect(client.lines == ["created", "progress 2"])
    }
}
