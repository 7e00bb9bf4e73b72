package import ByreCore

/// A tenant's rates, and the calls that wait for them.
///
/// A call that comes too early is told how long to wait; the caller sees to the waiting, and says
/// when it is over. The queue is as long as ``delayMax`` of the rate; beyond it calls are refused.
/// Pure: time is an argument, in nanoseconds from any fixed moment.
package struct AdmissionQueue: Sendable {
    /// What is metered.
    package enum Meter: Int, CaseIterable, Sendable {
        /// Keys put or deleted, ranges of them deleted, leases granted or revoked.
        case writes
        /// Ranges read, leases looked up, checksums computed.
        case reads
        /// Bytes of the answers to reads.
        case readBytes
    }

    /// Something that waits for its turn.
    package struct Delayed: Hashable, Sendable {
        package let meter: Meter
        let cost: Int64
        let heldBytes: Int
        /// How long to wait, in nanoseconds.
        package let delay: Int64
    }

    package enum Decision: Hashable, Sendable {
        case now
        case later(Delayed)
        case refused
    }

    /// Longest wait; what would wait longer is refused. Below what API servers wait for an answer,
    /// and below the time after which etcd gives up a request.
    package static let delayMax: Int64 = 5_000_000_000
    /// Most calls of a tenant that wait; one more is refused.
    package static let delayedMax = 4_096
    /// Most bytes that waiting calls of a tenant hold; one that goes past it is refused.
    package static let delayedBytesMax = 16 << 20

    private var buckets: [TokenBucket?] = Meter.allCases.map { _ in nil }
    package private(set) var delayedCount = 0
    package private(set) var delayedBytes = 0

    package init() {}

    /// Takes new limits; a rate that stays goes on where it was.
    package mutating func apply(_ limits: TenantLimits) {
        for meter in Meter.allCases {
            let rate = limits.perSecond(of: meter)
            guard self.buckets[meter.rawValue]?.perSecond != rate else { continue }
            self.buckets[meter.rawValue] = rate.map { TokenBucket(perSecond: $0) }
        }
    }

    /// Decides about a call, and spends what it costs unless it is refused.
    /// - Parameters:
    ///   - heldBytes: what the call holds while it waits.
    ///   - deadline: when nobody waits for its answer any more; one whose turn comes later is
    ///     refused at once.
    package mutating func admit(
        _ cost: Int64,
        of meter: Meter,
        heldBytes: Int,
        now: Int64,
        deadline: Int64 = .max
    ) -> Decision {
        guard let delay = self.buckets[meter.rawValue]?.delay(of: cost, now: now) else {
            return .now
        }
        guard delay > 0 else {
            self.buckets[meter.rawValue]?.spend(cost, now: now)
            return .now
        }
        guard
            delay <= Self.delayMax, delay <= deadline - now, self.delayedCount < Self.delayedMax,
            self.delayedBytes + heldBytes <= Self.delayedBytesMax
        else { return .refused }
        self.buckets[meter.rawValue]?.spend(cost, now: now)
        self.delayedCount += 1
        self.delayedBytes += heldBytes
        return .later(Delayed(meter: meter, cost: cost, heldBytes: heldBytes, delay: delay))
    }

    /// Spends what something costs that is done already; later calls wait for it.
    package mutating func charge(_ cost: Int64, of meter: Meter, now: Int64) {
        self.buckets[meter.rawValue]?.spend(cost, now: now)
    }

    /// Ends a wait.
    /// - Parameter isDone: false when the call was given up: what it would have cost is given back.
    package mutating func leave(_ delayed: Delayed, isDone: Bool) {
        self.delayedCount -= 1
        self.delayedBytes -= delayed.heldBytes
        // A bucket that was replaced meanwhile knows nothing of it.
        if !isDone { self.buckets[delayed.meter.rawValue]?.giveBack(delayed.cost) }
    }
}

extension TenantLimits {
    fileprivate func perSecond(of meter: AdmissionQueue.Meter) -> Int64? {
        switch meter {
        case .writes: self.writesPerSecond
        case .reads: self.readsPerSecond
        case .readBytes: self.readBytesPerSecond
        }
    }
}
