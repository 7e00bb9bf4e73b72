/// The calls of a loop that have a deadline: a wheel of lists, so that setting and clearing a
/// deadline cost O(1) however many there are.
///
/// Deadlines are met up to one tick late. Confined to one loop.
package struct DeadlineQueue {
    /// How a call is linked into its list.
    struct Links {
        fileprivate var next: ServerCall?
        fileprivate unowned(unsafe) var previous: ServerCall?
        fileprivate var slot = -1
    }

    /// The time between two looks at the wheel, in nanoseconds.
    package static let tickNanoseconds: UInt64 = 20_000_000
    private static let slotCount = 1024

    private var slots = [ServerCall?](repeating: nil, count: Self.slotCount)
    /// The tick up to which all deadlines were met.
    private var tick: UInt64 = 0
    package private(set) var count = 0

    package init() {}

    /// Adds a call, by its ``ServerCall/deadline``.
    package mutating func insert(_ call: ServerCall, now: UInt64) {
        guard call.deadlineLinks.slot < 0, call.deadline < .max else { return }
        if self.count == 0 {
            self.tick = now / Self.tickNanoseconds
        }
        let due = max(call.deadline / Self.tickNanoseconds + 1, self.tick + 1)
        let slot = Int(due % UInt64(Self.slotCount))
        call.deadlineLinks.slot = slot
        call.deadlineLinks.next = self.slots[slot]
        self.slots[slot]?.deadlineLinks.previous = call
        self.slots[slot] = call
        self.count += 1
    }

    /// Takes a call out, if it is in.
    package mutating func remove(_ call: ServerCall) {
        let slot = call.deadlineLinks.slot
        guard slot >= 0 else { return }
        let next = call.deadlineLinks.next
        let previous = call.deadlineLinks.previous
        next?.deadlineLinks.previous = previous
        if let previous {
            previous.deadlineLinks.next = next
        } else {
            self.slots[slot] = next
        }
        call.deadlineLinks = Links()
        self.count -= 1
    }

    /// Takes out the calls whose deadline is past.
    /// - Parameter now: Nanoseconds of the clock that deadlines are in.
    /// - Complexity: O(calls in the ticks since the last look).
    package mutating func expire(now: UInt64) -> [ServerCall] {
        let until = now / Self.tickNanoseconds
        guard until > self.tick, self.count > 0 else { return [] }
        var expired: [ServerCall] = []
        let first = self.tick + 1
        let last = min(until, self.tick + UInt64(Self.slotCount))
        for tick in first...last {
            var next = self.slots[Int(tick % UInt64(Self.slotCount))]
            while let call = next {
                next = call.deadlineLinks.next
                if call.deadline <= now {
                    self.remove(call)
                    expired.append(call)
                }
            }
        }
        self.tick = until
        return expired
    }
}
