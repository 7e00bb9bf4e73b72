import ByreCore
import ByreTestKit
import Testing

/// What a Range answers: kinds of ranges, limits, counts, filters, sorting, revisions.
@Suite struct RangeReadTests {
    @Test func thereAreThreeKindsOfRanges() throws {
        try check(
            #"""
            put \0=0                | rev 2
            put a=1                 | rev 3
            put ab=2                | rev 4
            put b=3                 | rev 5
            put c=4                 | rev 6
            get a                   | rev 6 of 1: a=1
            get x                   | rev 6 of 0
            get a..b                | rev 6 of 2: a=1 ab=2
            get a\0..b              | rev 6 of 1: ab=2
            get a..a\0              | rev 6 of 1: a=1
            get b..                 | rev 6 of 2: b=3 c=4
            get \0..                | rev 6 of 5: \0=0 a=1 ab=2 b=3 c=4
            get b..a                | rev 6 of 0
            get b..b                | rev 6 of 0
            delete b..a             | rev 6 deleted 0
            """#
        )
    }

    /// a is created at 2 and changed at 6, b at 3, c at 4 and 7, d at 5.
    private static let fixture = #"""
        put a=4         | rev 2
        put b=3         | rev 3
        put c=2         | rev 4
        put d=1         | rev 5
        put a=5         | rev 6
        put c=0         | rev 7

        """#

    @Test func aLimitSaysWhetherThereIsMore() throws {
        try check(
            Self.fixture + #"""
                get a.. limit 2         | rev 7 of 4: a=5 b=3 more
                get a.. limit 3         | rev 7 of 4: a=5 b=3 c=0 more
                get a.. limit 4         | rev 7 of 4: a=5 b=3 c=0 d=1
                get a.. limit 5         | rev 7 of 4: a=5 b=3 c=0 d=1
                get a.. limit 0         | rev 7 of 4: a=5 b=3 c=0 d=1
                get a.. limit -1        | rev 7 of 4: a=5 b=3 c=0 d=1
                get a limit 1           | rev 7 of 1: a=5
                get a.. limit 1 at 4    | rev 7 of 3: a=4 more
                get a.. limit 3 at 4    | rev 7 of 3: a=4 b=3 c=2
                """#
        )
    }

    @Test func aCountIsAllThatIsInTheRange() throws {
        try check(
            Self.fixture + #"""
                get a.. count                       | rev 7 of 4
                get a.. count limit 1               | rev 7 of 4
                get a.. count keys                  | rev 7 of 4
                get a.. count mod 7.. by value desc | rev 7 of 4
                get b..d count                      | rev 7 of 2
                get b..d count at 3                 | rev 7 of 1
                get a.. mod 7..                     | rev 7 of 4: c=0
                delete b..d                         | rev 8 deleted 2
                get a.. count                       | rev 8 of 2
                get a.. count at 7                  | rev 8 of 4
                get a.. count at 1                  | rev 8 of 0
                """#
        )
    }

    @Test func filtersAreInclusiveAndComeBeforeTheLimit() throws {
        try check(
            Self.fixture + #"""
                get a.. mod 5..6                | rev 7 of 4: a=5 d=1
                get a.. mod 5..                 | rev 7 of 4: a=5 c=0 d=1
                get a.. mod ..5                 | rev 7 of 4: b=3 d=1
                get a.. create 3..4             | rev 7 of 4: b=3 c=0
                get a.. create 3..4 mod 7..     | rev 7 of 4: c=0
                get a.. mod 9..8                | rev 7 of 4
                get a.. mod 5.. limit 1         | rev 7 of 4: a=5 more
                get a.. mod 5.. limit 2         | rev 7 of 4: a=5 c=0 more
                get a.. mod 5.. limit 3         | rev 7 of 4: a=5 c=0 d=1
                get a.. mod 7.. limit 1         | rev 7 of 4: c=0
                get a.. mod 5.. by mod limit 2  | rev 7 of 4: d=1 a=5 more
                get a.. create ..2 at 5         | rev 7 of 4: a=4
                get a.. mod 3..4 limit 1 at 5   | rev 7 of 4: b=3 more
                """#
        )
    }

    @Test func sortingTakesTheWholeRangeAndThenTheLimit() throws {
        try check(
            Self.fixture + #"""
                get a.. by key asc              | rev 7 of 4: a=5 b=3 c=0 d=1
                get a.. by key desc             | rev 7 of 4: d=1 c=0 b=3 a=5
                get a.. desc limit 2            | rev 7 of 4: d=1 c=0 more
                get a.. by create desc          | rev 7 of 4: d=1 c=0 b=3 a=5
                get a.. by mod asc              | rev 7 of 4: b=3 d=1 a=5 c=0
                get a.. by mod desc limit 1     | rev 7 of 4: c=0 more
                get a.. by value asc            | rev 7 of 4: c=0 d=1 b=3 a=5
                get a.. by value asc limit 2    | rev 7 of 4: c=0 d=1 more
                get a.. by value desc limit 4   | rev 7 of 4: a=5 b=3 d=1 c=0
                get b..d by version desc        | rev 7 of 2: c=0 b=3
                get a.. by value asc at 5       | rev 7 of 4: d=1 c=2 b=3 a=4
                """#
        )
    }

    /// etcd sorts what it has fetched, and without an order it fetches one key more than the limit.
    @Test func aTargetWithoutOrderSortsTheFirstKeysOnly() throws {
        try check(
            Self.fixture + #"""
                get a.. by value                | rev 7 of 4: c=0 d=1 b=3 a=5
                get a.. by value limit 1        | rev 7 of 4: b=3 more
                get a.. by value limit 2        | rev 7 of 4: c=0 b=3 more
                get a.. by value limit 3        | rev 7 of 4: c=0 d=1 b=3 more
                get a.. by value limit 4        | rev 7 of 4: c=0 d=1 b=3 a=5
                get a.. by mod limit 1          | rev 7 of 4: b=3 more
                get a.. by mod limit 1 mod 5..  | rev 7 of 4: d=1 more
                """#
        )
    }

    /// As etcd 3.7 does, which answers from its index unless it has to sort by values.
    @Test func keysAloneCarryNoLease() throws {
        try check(
            #"""
            grant 7 ttl 5               | rev 1 lease 7 ttl 5
            put a=2 lease 7             | rev 2
            put b=1 lease 7             | rev 3
            stat a..                    | rev 3 of 2: a=2/c2/m2/v1/L7 b=1/c3/m3/v1/L7
            stat a.. keys               | rev 3 of 2: a/c2/m2/v1 b/c3/m3/v1
            stat a.. keys desc          | rev 3 of 2: b/c3/m3/v1 a/c2/m2/v1
            stat a.. keys by mod limit 1 | rev 3 of 2: a/c2/m2/v1 more
            stat a.. keys by value      | rev 3 of 2: b/c3/m3/v1/L7 a/c2/m2/v1/L7
            stat a.. keys at 2          | rev 3 of 1: a/c2/m2/v1
            """#
        )
    }

    @Test func historyIsReadAsItWas() throws {
        try check(
            #"""
            put a=1                     | rev 2
            put b=1                     | rev 3
            put a=2                     | rev 4
            delete a                    | rev 5 deleted 1
            put a=3                     | rev 6
            stat a.. at 1               | rev 6 of 0
            stat a.. at 2               | rev 6 of 1: a=1/c2/m2/v1
            stat a.. at 3               | rev 6 of 2: a=1/c2/m2/v1 b=1/c3/m3/v1
            stat a.. at 4               | rev 6 of 2: a=2/c2/m4/v2 b=1/c3/m3/v1
            stat a.. at 5               | rev 6 of 1: b=1/c3/m3/v1
            stat a.. at 6               | rev 6 of 2: a=3/c6/m6/v1 b=1/c3/m3/v1
            get a at 7                  | future revision
            get a at 0                  | rev 6 of 1: a=3
            get a at -9                 | rev 6 of 1: a=3
            """#
        )
    }

    @Test func aSliceGoesOnWhereTheOneBeforeStopped() throws {
        var world = try TenantWorld()
        for number in 10..<40 {
            _ = try world.apply(.put(PutRequest(key: Bytes("k\(number)".utf8), value: [1])))
        }
        for text in [
            "get k..", "get k.. limit 13", "get k.. desc limit 17", "get k1..k3 mod 5..20",
        ] {
            guard case .get(let request, _) = try Statement(text) else { continue }
            let whole = try world.range(request)
            #expect(whole.kvs.count > 5)
            for step in 1...7 {
                let read = try RangeRead(request, of: world.state, loader: NoLoader())
                var position = RangeRead.Position()
                var keys: [Bytes] = []
                var isEnd = false
                var rounds = 0
                while !isEnd, rounds < 100 {
                    var taken = 0
                    isEnd = read.walk(from: &position) { key, _ in
                        if taken == step { return false }
                        taken += 1
                        keys.append(key)
                        return true
                    }
                    rounds += 1
                }
                #expect(isEnd)
                #expect(keys == whole.kvs.map(\.key), "\(text), \(step) at a time")
            }
        }
    }

    @Test func onlySortingByValueLoadsValues() throws {
        var world = try TenantWorld()
        _ = try world.apply(.put(PutRequest(key: [1], value: [2])))
        for target in [RangeRequest.SortTarget.key, .version, .createRevision, .modRevision] {
            var request = RangeRequest(range: .all)
            request.sortTarget = target
            request.sortOrder = .descend
            #expect(try RangeRead(request, of: world.state, loader: NoLoader()).count == 1)
        }
        var request = RangeRequest(range: .all)
        request.sortTarget = .value
        #expect(throws: RequestError.backend(.unavailable("not loaded"))) {
            try RangeRead(request, of: world.state, loader: NoLoader())
        }
        request.countOnly = true
        #expect(try RangeRead(request, of: world.state, loader: NoLoader()).count == 1)
    }

    private struct NoLoader: ValueLoader {
        func value(of tenant: TenantID, row: RowID) throws(BackendError) -> Bytes {
            throw .unavailable("not loaded")
        }
    }
}
