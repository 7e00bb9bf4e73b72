import ByreCore
import ByreTestKit
import Testing

/// Time of leases.
@Suite struct LessorTests {
    private static let second: Int64 = 1_000_000_000

    private func id(_ number: Int64) -> LeaseID { LeaseID(rawValue: number) }

    @Test func leasesExpireInTheOrderOfTheirDeadlinesAndNotBefore() {
        var lessor = Lessor()
        for (id, ttl) in [(1, 30), (2, 10), (3, 20), (4, 10)] as [(Int64, Int64)] {
            lessor.start(self.id(id), ttlSeconds: ttl, now: 5)
        }
        #expect(lessor.count == 4)
        #expect(lessor.leasesByRemaining() == [2, 4, 3, 1].map(self.id))
        #expect(lessor.expired(at: 10 * Self.second + 4).isEmpty)
        #expect(Set(lessor.expired(at: 10 * Self.second + 5)) == Set([2, 4].map(self.id)))
        #expect(lessor.expired(at: 20 * Self.second + 5).contains(self.id(3)))
        #expect(lessor.remaining(self.id(1), now: 10 * Self.second) == 20 * Self.second + 5)
        #expect(lessor.remaining(self.id(3), now: 21 * Self.second + 5) == -Self.second)
        #expect(lessor.remaining(self.id(9), now: 0) == nil)
    }

    @Test func aRevocationIsProposedAgainAfterThreeSecondsUntilTheLeaseIsGone() {
        var lessor = Lessor()
        lessor.start(self.id(1), ttlSeconds: 2, now: 0)
        #expect(lessor.expired(at: 2 * Self.second) == [self.id(1)])
        #expect(lessor.expired(at: 2 * Self.second).isEmpty)
        #expect(lessor.expired(at: 5 * Self.second - 1).isEmpty)
        #expect(lessor.expired(at: 5 * Self.second) == [self.id(1)])
        lessor.stop(self.id(1))
        #expect(lessor.expired(at: 100 * Self.second).isEmpty)
        #expect(lessor.count == 0)
    }

    @Test func aRenewalGivesTheWholeTimeAgain() {
        var lessor = Lessor()
        lessor.start(self.id(1), ttlSeconds: 10, now: 0)
        #expect(lessor.renew(self.id(1), now: 9 * Self.second) == .renewed(ttlSeconds: 10))
        #expect(lessor.expired(at: 10 * Self.second).isEmpty)
        #expect(lessor.expired(at: 19 * Self.second - 1).isEmpty)
        #expect(lessor.expired(at: 19 * Self.second) == [self.id(1)])
    }

    @Test func whatIsExpiredIsNotRenewed() {
        var lessor = Lessor()
        lessor.start(self.id(1), ttlSeconds: 10, now: 0)
        #expect(lessor.renew(self.id(1), now: 10 * Self.second) == .expired)
        #expect(lessor.renew(self.id(2), now: 0) == .notFound)
        lessor.stop(self.id(1))
        #expect(lessor.renew(self.id(1), now: 0) == .notFound)
    }

    @Test func theGraceOfAStartIsGivenOnce() {
        var lessor = Lessor()
        lessor.start(self.id(1), ttlSeconds: 10, now: 0, extraNanoseconds: Self.second)
        #expect(lessor.remaining(self.id(1), now: 0) == 11 * Self.second)
        _ = lessor.renew(self.id(1), now: 5 * Self.second)
        #expect(lessor.remaining(self.id(1), now: 5 * Self.second) == 10 * Self.second)
    }

    @Test func theLongestTimeDoesNotOverflow() {
        let now = Int64.max / 2
        var lessor = Lessor()
        lessor.start(self.id(1), ttlSeconds: Lease.maxTTLSeconds, now: now)
        lessor.start(
            self.id(2),
            ttlSeconds: 1,
            now: now,
            extraNanoseconds: .max
        )
        #expect(lessor.renew(self.id(1), now: now + 1) == .renewed(ttlSeconds: Lease.maxTTLSeconds))
        #expect(lessor.expired(at: now + now / 2).isEmpty)
        lessor.start(self.id(3), ttlSeconds: 1, now: now)
        #expect(lessor.expired(at: now + now / 2) == [self.id(3)])
    }

    @Test func atMostFiveHundredAreProposedAtOnce() {
        var lessor = Lessor()
        for number in 1...1200 { lessor.start(self.id(Int64(number)), ttlSeconds: 1, now: 0) }
        var seen: Set<LeaseID> = []
        for expected in [500, 500, 200, 0] {
            let expired = lessor.expired(at: Self.second)
            #expect(expired.count == expected)
            seen.formUnion(expired)
        }
        #expect(seen.count == 1200)
    }

    @Test func aLeaseGrantedAnewIsProposedOnce() {
        var lessor = Lessor()
        for _ in 0..<5 {
            lessor.start(self.id(1), ttlSeconds: 10, now: 0)
            lessor.stop(self.id(1))
        }
        lessor.start(self.id(1), ttlSeconds: 20, now: 0)
        #expect(lessor.expired(at: 10 * Self.second).isEmpty)
        #expect(lessor.expired(at: 20 * Self.second) == [self.id(1)])
        #expect(lessor.expired(at: 23 * Self.second) == [self.id(1)])
    }

    @Test func sweepingDoesNotProposeAgainTooEarly() {
        var lessor = Lessor()
        lessor.start(self.id(1), ttlSeconds: 1, now: 0)
        #expect(lessor.expired(at: Self.second) == [self.id(1)])
        for number in 2...2000 { lessor.start(self.id(Int64(number)), ttlSeconds: 60, now: 0) }
        for number in 2...2000 { lessor.stop(self.id(Int64(number))) }
        #expect(lessor.expired(at: 2 * Self.second).isEmpty)
        #expect(lessor.expired(at: 4 * Self.second) == [self.id(1)])
    }

    /// Compared with the plain way: look at every lease.
    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func expiryIsThatOfAModel(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var lessor = Lessor()
        var deadlines: [Int64: (deadline: Int64, ttl: Int64)] = [:]
        var proposed: [Int64: Int64] = [:]
        var now: Int64 = 0
        for _ in 0..<2000 {
            let number = Int64.random(in: 1...40, using: &random)
            let isKnown = deadlines[number] != nil
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<3 where !isKnown:
                let ttl = Int64.random(in: 1...30, using: &random)
                lessor.start(self.id(number), ttlSeconds: ttl, now: now)
                deadlines[number] = (now + ttl * Self.second, ttl)
            case 3..<5:
                lessor.stop(self.id(number))
                deadlines[number] = nil
                proposed[number] = nil
            case 5..<8:
                let renewal = lessor.renew(self.id(number), now: now)
                guard let lease = deadlines[number] else {
                    #expect(renewal == .notFound)
                    continue
                }
                if lease.deadline <= now {
                    #expect(renewal == .expired)
                } else {
                    #expect(renewal == .renewed(ttlSeconds: lease.ttl))
                    deadlines[number]?.deadline = now + lease.ttl * Self.second
                }
            default:
                now += Int64.random(in: 0...5, using: &random) * Self.second / 2
                let retry = Lessor.proposalRetryNanoseconds
                let due = deadlines.filter { number, lease in
                    lease.deadline <= now && (proposed[number].map { $0 + retry <= now } ?? true)
                }
                for number in due.keys { proposed[number] = now }
                try #require(
                    lessor.expired(at: now).map(\.rawValue).sorted() == due.keys.sorted(),
                    "at \(now)"
                )
            }
            #expect(lessor.count == deadlines.count)
        }
    }
}
