import GRPC
import Testing

@Suite struct DeadlineQueueTests {
    private let tick = DeadlineQueue.tickNanoseconds

    private func call(_ deadline: UInt64) -> ServerCall {
        CallFixture(.unary { _, _ in }, deadline: deadline).call
    }

    @Test func deadlinesAreMetWithinATick() {
        var queue = DeadlineQueue()
        let start: UInt64 = 5_000_000_000
        let calls = (1...3_000).map { self.call(start + UInt64($0) * self.tick / 2) }
        for call in calls { queue.insert(call, now: start) }
        #expect(queue.count == 3_000)
        var met = 0
        for step in 1...1_501 {
            let now = start + UInt64(step) * self.tick
            for call in queue.expire(now: now) {
                #expect(call.deadline <= now)
                #expect(call.deadline + 2 * self.tick > now)
                met += 1
            }
        }
        #expect(met == 3_000)
        #expect(queue.count == 0)
    }

    @Test func aRemovedCallIsNotMet() {
        var queue = DeadlineQueue()
        let calls = (0..<5).map { _ in self.call(1_000) }
        for call in calls { queue.insert(call, now: 0) }
        queue.remove(calls[0])
        queue.remove(calls[2])
        queue.remove(calls[2])
        queue.remove(calls[4])
        let met = queue.expire(now: 10 * self.tick)
        #expect(
            Set(met.map(ObjectIdentifier.init))
                == Set([calls[1], calls[3]].map(ObjectIdentifier.init))
        )
        #expect(queue.count == 0)
    }

    @Test func aLongSilenceMissesNothing() {
        var queue = DeadlineQueue()
        let soon = self.call(self.tick)
        let late = self.call(3_000 * self.tick)
        queue.insert(soon, now: 0)
        queue.insert(late, now: 0)
        #expect(queue.expire(now: 2_999 * self.tick).map(\.deadline) == [self.tick])
        #expect(queue.expire(now: 3_001 * self.tick).map(\.deadline) == [3_000 * self.tick])
    }

    @Test func aDeadlineInThePastIsMetAtTheNextLook() {
        var queue = DeadlineQueue()
        let past = self.call(1)
        queue.insert(past, now: 100 * self.tick)
        #expect(queue.expire(now: 101 * self.tick).count == 1)
    }
}
