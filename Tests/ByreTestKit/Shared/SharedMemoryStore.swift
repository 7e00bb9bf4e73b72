package import ByreCore

/// A store in memory that several instances write, each with a backend of its own.
///
/// It checks what it is given: see ``faults``.
package final class SharedMemoryStore: Sendable {
    /// How a commit fails.
    package enum Fault: Sendable {
        /// Nothing was written.
        case before
        /// Everything was written, and the outcome cannot be learned.
        case unknown
        /// Nothing was written, and the commit is to begin anew; no fault for one that has begun.
        case outdated
    }

    let contents = Monitor(SharedContents())

    package init(sliceRowsMax: Int = 1_000) {
        self.contents.withLock { $0.sliceRowsMax = sliceRowsMax }
    }

    /// A backend for one instance.
    /// - Parameter number: tells the instances apart.
    package func backend(_ number: Int) -> some Backend {
        SharedMemoryBackend(self, number)
    }

    // MARK: Looking and meddling

    /// What instances did that they may not do.
    package var faults: [String] { self.contents.withLock { $0.faults } }

    /// Instances that say that they read what is compacted.
    package var readers: [UInt64] {
        self.contents.withLock { contents in
            contents.instances.values.filter { $0.readingSince != nil }.map(\.record.id).sorted()
        }
    }

    /// How many commits began with locks.
    package var beginnings: Int { self.contents.withLock { $0.beginnings } }

    /// How often instances said that they live.
    package var beats: Int { self.contents.withLock { $0.beats } }

    /// How often each lease was revoked.
    package var revocations: [LeaseID: Int] { self.contents.withLock { $0.revocations } }

    package func rows(of tenant: TenantID) -> [CommitBatch.Row] {
        self.contents.withLock { $0.rows[tenant] ?? [] }
    }

    /// All rows that were ever committed by operations, in order.
    package func history(of tenant: TenantID) -> [CommitBatch.Row] {
        self.contents.withLock { $0.history[tenant] ?? [] }
    }

    /// Lets the store's clock go on, while the instances that are not cut off say that they live.
    package func advance(bySeconds seconds: Int64) {
        self.contents.withLock { $0.advance(by: seconds * 1_000_000_000) }
    }

    /// Lets an instance not reach the store, or reach it again.
    package func cut(_ instance: Int, _ isCut: Bool = true) {
        self.contents.withLock { contents in
            if isCut { contents.cut.insert(instance) } else { contents.cut.remove(instance) }
        }
    }

    /// Tells the housekeeper of all leases as if their time was over, or no longer.
    package func suspectAllLeases(_ isSuspicious: Bool = true) {
        self.contents.withLock { $0.isSuspicious = isSuspicious }
    }

    /// Which instance keeps the house; nil when nobody does.
    package var housekeeper: UInt64? {
        self.contents.withLock { contents in
            contents.housekeeper.flatMap { $0.until < contents.now ? nil : $0.id }
        }
    }

    /// What leases have left, in seconds.
    package func secondsLeft(of tenant: TenantID) -> [LeaseID: Int64] {
        self.contents.withLock { contents in
            (contents.leases[tenant] ?? [:]).mapValues {
                ($0.deadline - contents.now) / 1_000_000_000
            }
        }
    }

    package func failCommits(of instance: Int, _ faults: [Fault]) {
        self.contents.withLock { $0.commitFaults[instance, default: []] += faults }
    }

    /// Takes back what ``failCommits(of:_:)`` has left.
    package func failNoCommits(of instance: Int) {
        self.contents.withLock { $0.commitFaults[instance] = nil }
    }

    /// Forgets what happened to leases and alarms so far.
    package func forgetChanges() {
        self.contents.withLock { contents in
            for (id, tenant) in contents.tenants {
                contents.forgotten[id] = tenant.record.sequence
                contents.changes[id] = []
            }
        }
    }
}
