import ByreCore
import ByreTestKit
import Engine
import Testing

/// Answers whose values are not in memory.
@Suite struct LoadingTests {
    private func fixture() throws -> StoreFixture {
        try StoreFixture { $0.cacheBytes = 0 }
    }

    @Test func valuesComeFromTheBackendWhenTheCacheHoldsNothing() throws {
        let fixture = try self.fixture()
        try fixture.run("put a=1")
        try fixture.run("put b=2")
        #expect(try fixture.run("put a=3 prev") == "rev 4 was a=1/c2/m2/v1")
        #expect(
            try fixture.run("txn if value:a=3 then get a.. , put b=4 prev , ( then get b )")
                == "rev 5 yes: rev 4 of 2: a=3 b=2, rev 5 was b=2/c3/m3/v1, ( rev 0 yes: rev 5 of 1: b=4 )"
        )
        #expect(try fixture.run("put a= ignore-value prev") == "rev 6 was a=3/c2/m4/v2")
        #expect(
            try fixture.run("txn then get a.. by value desc") == "rev 6 yes: rev 6 of 2: b=4 a=3"
        )
        #expect(try fixture.run("delete a.. prev") == "rev 7 deleted 2 a=3 b=4")
        #expect(fixture.store.cache.bytes == 0)
    }

    @Test func aFullEnoughCacheSparesTheBackend() throws {
        let fixture = try StoreFixture()
        try fixture.run("put a=1")
        try fixture.run("put a=2 prev")
        #expect(try fixture.run("delete a prev") == "rev 4 deleted 1 a=2")
        #expect(fixture.backend.reads == 0)
    }

    @Test func anAnswerThatCannotBeLoadedSaysThatTheChangeIsMade() throws {
        let fixture = try self.fixture()
        try fixture.run("put a=1")
        fixture.backend.failReads(.unavailable("no disk"))
        let failure = #"answer not loaded: unavailable("no disk")"#
        #expect(try fixture.run("put a=2 prev") == failure)
        #expect(try fixture.run("txn then get a , put a=3 prev") == failure)
        #expect(try fixture.run("put a=4") == "rev 5")
        fixture.backend.failReads(nil)
        #expect(try fixture.run("put a=5 prev") == "rev 6 was a=4/c2/m5/v4")
    }

    @Test func aReaderThatCannotBeOpenedIsOpenedLater() throws {
        let fixture = try self.fixture()
        try fixture.run("put a=1")
        fixture.backend.failOpening(.unavailable("no file"))
        #expect(try fixture.run("put a=2 prev") == #"answer not loaded: unavailable("no file")"#)
        #expect(
            try fixture.run("txn if value:a=2 then put a=3") == #"backend: unavailable("no file")"#
        )
        fixture.backend.failOpening(nil)
        #expect(try fixture.run("txn if value:a=2 then put a=3") == "rev 4 yes: rev 4")
        #expect(try fixture.run("put a=4 prev") == "rev 5 was a=3/c2/m4/v3")
    }

    @Test func whatIsNeededToDecideIsLoadedFirstOrNothingIsDone() throws {
        let fixture = try self.fixture()
        try fixture.run("put a=1")
        fixture.backend.failReads(.unavailable("no disk"))
        let failure = #"backend: unavailable("no disk")"#
        #expect(try fixture.run("txn if value:a=1 then put a=2") == failure)
        #expect(try fixture.run("put a= ignore-value") == failure)
        #expect(try fixture.run("txn then put b=1 , get a.. by value desc") == failure)
        #expect(fixture.revision == 2)
        fixture.backend.failReads(nil)
        #expect(try fixture.contents() == "a=1")
    }
}
