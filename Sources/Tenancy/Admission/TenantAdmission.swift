package import ByreCore
import Synchronization

/// How much of one tenant's work is let in at a time, for any thread.
///
/// A tenant without such limits costs its calls one load of a flag.
package final class TenantAdmission: Sendable {
    private struct State {
        var queue = AdmissionQueue()
        var limits = TenantLimits()
        var inFlight: Int64 = 0
        var connections: Int64 = 0
        var counts = Counts()
    }

    /// What was done so far, for metrics.
    package struct Counts: Hashable, Sendable {
        /// Calls that waited for their turn.
        package var delayed: Int64 = 0
        /// Calls refused, for their rate or for the number of those in flight.
        package var refused: Int64 = 0
        /// Connections refused.
        package var connectionsRefused: Int64 = 0
    }

    private let state = Mutex(State())
    private let metersCalls = Atomic<Bool>(false)
    private let limitsInFlight = Atomic<Bool>(false)
    private let work = WorkCounts()
    /// Counts out a call that ``callBeganUnlimited()`` counted in: one closure for all of them.
    package let callEndedUnlimited: @Sendable () -> Void

    package init() {
        let work = self.work
        self.callEndedUnlimited = { work.callEnded() }
    }

    // MARK: Work done

    /// Counts what was let in, limited or not.
    package func did(_ cost: Int, of meter: AdmissionQueue.Meter) {
        self.work.add(cost, of: meter)
    }

    /// What was let in so far.
    package func done(_ meter: AdmissionQueue.Meter) -> Int64 { self.work.sum(of: meter) }

    /// Takes new limits. Who is in stays in.
    package func apply(_ limits: TenantLimits) {
        self.state.withLock { state in
            state.limits = limits
            state.queue.apply(limits)
            self.metersCalls.store(
                limits.writesPerSecond != nil || limits.readsPerSecond != nil
                    || limits.readBytesPerSecond != nil,
                ordering: .relaxed
            )
            self.limitsInFlight.store(limits.inFlight != nil, ordering: .relaxed)
        }
    }

    package var counts: Counts { self.state.withLock { $0.counts } }

    /// Calls that wait for their turn now.
    package var delayedCount: Int { self.state.withLock { $0.queue.delayedCount } }

    // MARK: Rates

    /// Whether any rate is limited; if not, ``admit(_:of:heldBytes:now:deadline:)`` need not be asked.
    package var isMetered: Bool { self.metersCalls.load(ordering: .relaxed) }

    /// Decides about a call; see ``AdmissionQueue/admit(_:of:heldBytes:now:deadline:)``.
    package func admit(
        _ cost: Int64,
        of meter: AdmissionQueue.Meter,
        heldBytes: Int,
        now: Int64,
        deadline: Int64
    ) -> AdmissionQueue.Decision {
        self.state.withLock { state in
            let decision = state.queue.admit(
                cost,
                of: meter,
                heldBytes: heldBytes,
                now: now,
                deadline: deadline
            )
            switch decision {
            case .now: break
            case .later: state.counts.delayed += 1
            case .refused: state.counts.refused += 1
            }
            return decision
        }
    }

    package func charge(_ cost: Int64, of meter: AdmissionQueue.Meter, now: Int64) {
        self.state.withLock { $0.queue.charge(cost, of: meter, now: now) }
    }

    package func leave(_ delayed: AdmissionQueue.Delayed, isDone: Bool) {
        self.state.withLock { $0.queue.leave(delayed, isDone: isDone) }
    }

    // MARK: Calls in flight

    /// Whether calls in flight are counted; if not, ``callBegan()`` need not be asked.
    package var isInFlightLimited: Bool { self.limitsInFlight.load(ordering: .relaxed) }

    /// Counts a call in.
    /// - Returns: false when there are as many as may be; nothing is counted then.
    package func callBegan() -> Bool {
        self.state.withLock { state in
            guard state.inFlight < state.limits.inFlight ?? .max else {
                state.counts.refused += 1
                return false
            }
            state.inFlight += 1
            return true
        }
    }

    /// Counts out a call that was counted in.
    package func callEnded() {
        self.state.withLock { $0.inFlight -= 1 }
    }

    /// Counts a call in where there is no limit.
    package func callBeganUnlimited() {
        self.work.callBegan()
    }

    /// Calls that are not answered yet.
    package var inFlight: Int64 {
        // One that began under a limit is counted out where it was counted in.
        self.state.withLock { $0.inFlight } + self.work.inFlight
    }

    // MARK: Connections

    /// Counts a connection in, once it is known to be the tenant's.
    /// - Returns: false when there are as many as may be; nothing is counted then.
    package func connectionOpened() -> Bool {
        self.state.withLock { state in
            guard state.connections < state.limits.connections ?? .max else {
                state.counts.connectionsRefused += 1
                return false
            }
            state.connections += 1
            return true
        }
    }

    /// Counts out a connection that was counted in.
    package func connectionClosed() {
        self.state.withLock { $0.connections -= 1 }
    }

    /// Connections that are counted in.
    package var connections: Int64 { self.state.withLock { $0.connections } }
}
