import ByreCore
import ByreTestKit
import Tenancy
import Testing

@Suite struct AdmissionQueueTests {
    private static let second: Int64 = 1_000_000_000

    private static func queue(_ set: (inout TenantLimits) -> Void) -> AdmissionQueue {
        var limits = TenantLimits()
        set(&limits)
        var queue = AdmissionQueue()
        queue.apply(limits)
        return queue
    }

    /// Says what became of `count` calls at once: how many went, waited, and were refused.
    private static func outcomes(
        of count: Int,
        in queue: inout AdmissionQueue,
        cost: Int64 = 1,
        heldBytes: Int = 0,
        now: Int64 = 0,
        deadline: Int64 = .max
    ) -> [Int] {
        var outcomes = [0, 0, 0]
        for _ in 0..<count {
            switch queue.admit(
                cost,
                of: .writes,
                heldBytes: heldBytes,
                now: now,
                deadline: deadline
            ) {
            case .now: outcomes[0] += 1
            case .later: outcomes[1] += 1
            case .refused: outcomes[2] += 1
            }
        }
        return outcomes
    }

    @Test func whatHasNoLimitGoesAtOnce() {
        var queue = Self.queue { $0.readsPerSecond = 0 }
        #expect(Self.outcomes(of: 100_000, in: &queue, cost: 1_000) == [100_000, 0, 0])
    }

    @Test func theFirstGoTheNextWaitTheRestIsRefused() {
        var queue = Self.queue { $0.writesPerSecond = 10 }
        #expect(Self.outcomes(of: 100, in: &queue) == [10, 50, 40])
        #expect(queue.delayedCount == 50)
        // A place in the queue comes free with time alone.
        #expect(Self.outcomes(of: 100, in: &queue, now: Self.second / 2) == [0, 5, 95])
    }

    @Test func turnsComeInTheOrderOfArrivalAndAsFarApartAsTheRateSays() {
        var queue = Self.queue { $0.writesPerSecond = 10 }
        _ = Self.outcomes(of: 10, in: &queue)
        for place in 1...50 as ClosedRange<Int64> {
            guard
                case .later(let delayed) = queue.admit(1, of: .writes, heldBytes: 0, now: 0)
            else {
                Issue.record("\(place) does not wait")
                continue
            }
            #expect(delayed.delay == place * Self.second / 10)
        }
    }

    @Test func theQueueIsBoundedInCallsAndInBytes() {
        var queue = Self.queue { $0.writesPerSecond = 100_000 }
        _ = Self.outcomes(of: 100_000, in: &queue)
        #expect(Self.outcomes(of: 5_000, in: &queue) == [0, 4_096, 904])
        queue = Self.queue { $0.writesPerSecond = 100 }
        _ = Self.outcomes(of: 100, in: &queue)
        #expect(Self.outcomes(of: 20, in: &queue, heldBytes: 1 << 20) == [0, 16, 4])
        #expect(queue.delayedBytes == 16 << 20)
        #expect(Self.outcomes(of: 20, in: &queue) == [0, 20, 0])
    }

    @Test func aCallWhoseDeadlineComesBeforeItsTurnIsRefusedAtOnce() {
        var queue = Self.queue { $0.writesPerSecond = 10 }
        _ = Self.outcomes(of: 10, in: &queue)
        #expect(Self.outcomes(of: 9, in: &queue, deadline: Self.second / 2) == [0, 5, 4])
        // Those cost nothing.
        #expect(Self.outcomes(of: 1, in: &queue, deadline: Self.second * 6 / 10) == [0, 1, 0])
    }

    @Test func whoGivesUpMakesRoomForOthers() {
        var queue = Self.queue { $0.writesPerSecond = 10 }
        _ = Self.outcomes(of: 10, in: &queue)
        guard case .later(let delayed) = queue.admit(30, of: .writes, heldBytes: 77, now: 0) else {
            Issue.record("it does not wait")
            return
        }
        #expect(delayed.delay == Self.second)
        #expect(queue.admit(1, of: .writes, heldBytes: 0, now: 0) != .now)
        queue.leave(delayed, isDone: false)
        #expect(queue.delayedCount == 1 && queue.delayedBytes == 0)
        guard case .later(let next) = queue.admit(1, of: .writes, heldBytes: 0, now: 0) else {
            Issue.record("it does not wait")
            return
        }
        #expect(next.delay == Self.second / 5)
    }

    @Test func whatIsChargedAfterwardsKeepsTheNextWaiting() {
        var queue = Self.queue { $0.readBytesPerSecond = 1_000 }
        queue.charge(3_000, of: .readBytes, now: 0)
        guard case .later(let next) = queue.admit(500, of: .readBytes, heldBytes: 0, now: 0) else {
            Issue.record("it does not wait")
            return
        }
        #expect(next.delay == Self.second * 5 / 2)
    }

    @Test func aNewRateCountsAtOnceAndAnOldOneGoesOn() {
        var queue = Self.queue { $0.writesPerSecond = 10 }
        #expect(Self.outcomes(of: 100, in: &queue) == [10, 50, 40])
        var limits = TenantLimits()
        limits.writesPerSecond = 10
        limits.readsPerSecond = 5
        queue.apply(limits)
        #expect(Self.outcomes(of: 10, in: &queue) == [0, 0, 10])
        limits.writesPerSecond = 20
        queue.apply(limits)
        #expect(Self.outcomes(of: 200, in: &queue) == [20, 100, 80])
        limits.writesPerSecond = nil
        queue.apply(limits)
        #expect(Self.outcomes(of: 200, in: &queue) == [200, 0, 0])
    }

    @Test func aRateOfZeroLetsNothingIn() {
        var queue = Self.queue { $0.writesPerSecond = 0 }
        #expect(Self.outcomes(of: 10, in: &queue, now: 3_600 * Self.second) == [0, 0, 10])
        #expect(queue.admit(1, of: .reads, heldBytes: 0, now: 0) == .now)
    }

    /// Whatever comes when, and whoever gives up: what goes on, at its turn, keeps to the rate, and
    /// nothing stays in the accounts of the queue.
    @Test(arguments: 1...30 as ClosedRange<UInt64>)
    func randomCalls(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let rate = Int64.random(in: 1...500, using: &random)
        var queue = Self.queue { $0.writesPerSecond = rate }
        var waiting: [(turn: Int64, delayed: AdmissionQueue.Delayed)] = []
        var now: Int64 = 0
        var done: Int64 = 0
        for _ in 0..<2_000 {
            now += .random(in: 0...Self.second / 100, using: &random)
            for place in waiting.indices.reversed() where waiting[place].turn <= now {
                queue.leave(waiting.remove(at: place).delayed, isDone: true)
                done += 1
            }
            if !waiting.isEmpty, Int.random(in: 0..<10, using: &random) == 0 {
                let place = Int.random(in: waiting.indices, using: &random)
                queue.leave(waiting.remove(at: place).delayed, isDone: false)
            }
            switch queue.admit(1, of: .writes, heldBytes: 10, now: now) {
            case .now: done += 1
            case .later(let delayed): waiting.append((now + delayed.delay, delayed))
            case .refused: break
            }
            #expect(queue.delayedCount == waiting.count)
            #expect(queue.delayedBytes == waiting.count * 10)
            // Who gave up may have let somebody in before those that wait already.
            #expect(Double(done) <= Double(rate) * (Double(now) / 1e9 + 1 + 5) + 1)
        }
        for entry in waiting { queue.leave(entry.delayed, isDone: true) }
        #expect(queue.delayedCount == 0 && queue.delayedBytes == 0)
    }
}
