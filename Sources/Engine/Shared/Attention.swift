import ByreCore
import Synchronization

/// What the committer of a shared store is to look at: noted by any thread, taken by the committer.
final class Attention: Sendable {
    /// What there is to do.
    struct Work: Sendable {
        /// Tenants with news, and the sequence that they are known to have reached.
        var tenants: [TenantID: Int64] = [:]
        var hasRegistry = false
        /// What was committed before now may have been missed.
        var isBlind = false
        /// Leases whose time seems to be over.
        var overdue: Set<ExpiringLease> = []
        /// Instances that live, if their number has changed.
        var instances: Int?

        var isEmpty: Bool {
            self.tenants.isEmpty && !self.hasRegistry && !self.isBlind && self.overdue.isEmpty
                && self.instances == nil
        }
    }

    private let work = Mutex(Work())
    /// Wakes the committer.
    private let poke: @Sendable () -> Void

    init(poke: @escaping @Sendable () -> Void) {
        self.poke = poke
    }

    /// Notes something, and wakes the committer.
    func note(_ body: (inout Work) -> Void) {
        self.work.withLock { body(&$0) }
        self.poke()
    }

    /// Takes all that was noted.
    func take() -> Work {
        self.work.withLock { work in
            let taken = work
            if !taken.isEmpty { work = Work() }
            return taken
        }
    }
}

extension Attention.Work {
    /// Notes that a tenant has reached a sequence.
    mutating func reached(_ sequence: Int64, _ tenant: TenantID) {
        self.tenants[tenant] = max(self.tenants[tenant] ?? .min, sequence)
    }
}
