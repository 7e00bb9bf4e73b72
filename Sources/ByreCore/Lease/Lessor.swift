/// When leases expire. Volatile: after a restart every lease has its full time again, as in etcd.
///
/// Time is an argument, in nanoseconds of one monotonic clock of the caller's.
/// - Source: etcd `server/lease/lessor.go`, `lease.go`.
package struct Lessor: Sendable {
    /// Most leases proposed for revocation by one ``expired(at:)``.
    package static let expiredPerCallMax = 500
    /// How long a proposed revocation may take before it is proposed again.
    package static let proposalRetryNanoseconds: Int64 = 3_000_000_000

    /// Entries of leases gone that the heap may hold beyond as many as there are leases.
    private static let heapSlack = 64

    private struct Timer {
        var ttlSeconds: Int64
        /// The lease is expired from here on.
        var deadline: Int64
        /// When its entry of the heap comes up. An entry at another time is of a lease of this id that
        /// is gone.
        var nextLook: Int64
    }

    private struct Due {
        var at: Int64
        var id: LeaseID
    }

    private var timers: [LeaseID: Timer] = [:]
    /// Min-heap by `at`: one entry a lease, at or before the time at which to look at it again. A
    /// renewal only moves the deadline; the entry is put right when it comes up.
    private var heap: [Due] = []

    package init() {}

    package var count: Int { self.timers.count }

    /// Starts a lease's time. `extraNanoseconds` is added once (etcd adds an election timeout after
    /// a restart).
    package mutating func start(
        _ id: LeaseID,
        ttlSeconds: Int64,
        now: Int64,
        extraNanoseconds: Int64 = 0
    ) {
        let deadline = Self.deadline(from: now, ttlSeconds: ttlSeconds, extra: extraNanoseconds)
        let timer = Timer(ttlSeconds: ttlSeconds, deadline: deadline, nextLook: deadline)
        let old = self.timers.updateValue(timer, forKey: id)
        if old?.nextLook != deadline { self.push(Due(at: deadline, id: id)) }
    }

    /// Forgets a lease.
    /// - Complexity: O(1) amortised: entries of leases gone are swept once they are the majority.
    package mutating func stop(_ id: LeaseID) {
        self.timers[id] = nil
        guard self.heap.count > 2 * self.timers.count + Self.heapSlack else { return }
        self.heap = self.timers.map { Due(at: $0.value.nextLook, id: $0.key) }
        self.heap.sort { $0.at < $1.at }
    }

    /// Gives every lease its full time again, those that are expired too.
    /// - Complexity: O(*n* log *n*).
    package mutating func restart(now: Int64) {
        let timers = self.timers
        self.timers = [:]
        self.heap = []
        for (id, timer) in timers { self.start(id, ttlSeconds: timer.ttlSeconds, now: now) }
    }

    /// What a keep-alive finds.
    package enum Renewal: Hashable, Sendable {
        /// Renewed for this many seconds.
        case renewed(ttlSeconds: Int64)
        /// Expired, its revocation under way: the answer waits for that.
        case expired
        case notFound
    }

    package mutating func renew(_ id: LeaseID, now: Int64) -> Renewal {
        guard var timer = self.timers[id] else { return .notFound }
        guard timer.deadline > now else { return .expired }
        timer.deadline = Self.deadline(from: now, ttlSeconds: timer.ttlSeconds, extra: 0)
        self.timers[id] = timer
        return .renewed(ttlSeconds: timer.ttlSeconds)
    }

    /// Time left in nanoseconds (negative once expired), or nil when there is no such lease.
    package func remaining(_ id: LeaseID, now: Int64) -> Int64? {
        self.timers[id].map { $0.deadline &- now }
    }

    /// Every lease, the one with the least time left first.
    /// - Complexity: O(*n* log *n*).
    package func leasesByRemaining() -> [LeaseID] {
        self.timers.sorted {
            $0.value.deadline != $1.value.deadline
                ? $0.value.deadline < $1.value.deadline : $0.key < $1.key
        }.map(\.key)
    }

    /// Leases whose time is up and whose revocation is to be proposed now, at most
    /// ``expiredPerCallMax``. One that is not stopped in time is returned again.
    /// - Complexity: O(*k* log *n*) for *k* entries due.
    package mutating func expired(at now: Int64) -> [LeaseID] {
        var ids: [LeaseID] = []
        while ids.count < Self.expiredPerCallMax, let due = self.heap.first, due.at <= now {
            _ = self.pop()
            guard var timer = self.timers[due.id], timer.nextLook == due.at else { continue }
            let isExpired = timer.deadline <= now
            timer.nextLook = isExpired ? now + Self.proposalRetryNanoseconds : timer.deadline
            self.timers[due.id] = timer
            self.push(Due(at: timer.nextLook, id: due.id))
            if isExpired { ids.append(due.id) }
        }
        return ids
    }

    private static func deadline(from now: Int64, ttlSeconds: Int64, extra: Int64) -> Int64 {
        let (ttl, overflow) = ttlSeconds.multipliedReportingOverflow(by: 1_000_000_000)
        guard !overflow else { return .max }
        let (sum, overflowed) = now.addingReportingOverflow(ttl)
        guard !overflowed else { return .max }
        let (total, past) = sum.addingReportingOverflow(extra)
        return past ? .max : total
    }

    private mutating func push(_ due: Due) {
        self.heap.append(due)
        var child = self.heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard self.heap[child].at < self.heap[parent].at else { break }
            self.heap.swapAt(child, parent)
            child = parent
        }
    }

    private mutating func pop() -> Due? {
        guard let first = self.heap.first, let last = self.heap.popLast() else { return nil }
        guard !self.heap.isEmpty else { return first }
        self.heap[0] = last
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2]
            where child < self.heap.count && self.heap[child].at < self.heap[least].at {
                least = child
            }
            guard least != parent else { break }
            self.heap.swapAt(least, parent)
            parent = least
        }
        return first
    }
}
