/// What a control plane of some size asks of its store.
package enum MixedProfile: String, Sendable, CaseIterable {
    case idle
    case small = "S"
    case medium = "M"
    case large = "L"
    case eventFlood = "event-flood"

    /// What is done, and how often a second for one control plane.
    package struct Rates: Sendable {
        /// A node's heartbeat or a leader's: 400 bytes.
        package var leaseUpdates = 0.0
        /// The state of a node or a pod: 10 KiB.
        package var objectUpdates = 0.0
        package var objectCreates = 0.0
        package var objectDeletes = 0.0
        /// Events are created with a lease: 1 KiB.
        package var eventCreates = 0.0
        package var gets = 0.0
        package var leaseGrants = 0.0
        /// Questions how far a watch has come; they are not answered by themselves but on the watch.
        package var progress = 0.0

        package var total: Double {
            self.leaseUpdates + self.objectUpdates + self.objectCreates + self.objectDeletes
                + self.eventCreates + self.gets + self.leaseGrants
        }
    }

    /// From what kube-apiservers were seen to do: an idle one, then one with nodes that renew their
    /// leases (0.1 a second each), report (0.0033), and pods that come and go (14 writes for one that
    /// comes, half of them events, and 7 for one that goes).
    package var rates: Rates {
        var rates = Rates()
        rates.leaseUpdates = 1.3
        rates.leaseGrants = 0.1
        rates.gets = 3.5
        rates.progress = 1
        switch self {
        case .idle: break
        case .small: Self.add(nodes: 5, pods: 1.0 / 60, to: &rates)
        case .medium: Self.add(nodes: 50, pods: 0.5, to: &rates)
        case .large: Self.add(nodes: 500, pods: 10, to: &rates)
        case .eventFlood:
            rates.eventCreates = 500
            rates.leaseGrants = 0.5
        }
        return rates
    }

    private static func add(nodes: Double, pods: Double, to rates: inout Rates) {
        rates.leaseUpdates += nodes * 0.1
        rates.objectUpdates += nodes / 300 + pods * 8
        rates.objectCreates += pods
        rates.objectDeletes += pods
        rates.eventCreates += pods * 8
        rates.gets += pods * 5
    }
}
