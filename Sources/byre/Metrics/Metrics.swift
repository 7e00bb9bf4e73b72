import ByreCore
import Engine
import EtcdServer
import TLS
import Transport

/// The page `/metrics`: etcd's names where Byre has the same thing to tell, `byre_` names for its own.
///
/// Source: etcd `server/etcdserver/metrics.go`, `server/storage/mvcc/metrics.go`.
struct Metrics: Sendable {
    let store: Store
    let settings: Settings
    /// The most files and sockets that the process may have open.
    let filesMax: UInt64
    /// The certificates of all listeners.
    let certificates: [ReloadingContext]

    /// Writes what is one tenant's: all that its own listener shows.
    func text(of tenant: TenantStore) -> String {
        var text = MetricsText()
        self.addMember(tenant.memberID, to: &text)
        self.addTenant(tenant, to: &text)
        return text.text
    }

    /// Writes everything, of one moment or nearly.
    /// - Complexity: O(methods × loops + tenants).
    func text(_ servers: [Server]) -> String {
        var text = MetricsText()
        let counts = servers.map(\.counts)
        self.addMember(self.store.tenantOfFlags?.memberID ?? 0, to: &text)
        self.addServer(to: &text, counts)
        self.addTenants(to: &text)
        self.addStore(to: &text)
        self.addCalls(to: &text, counts)
        self.addConnections(to: &text, servers, counts)
        self.addCertificates(to: &text)
        self.addProcess(to: &text)
        return text.text
    }

    /// Writes what etcd tells of a member, which here is the server as a tenant sees it.
    private func addMember(_ id: UInt64, to text: inout MetricsText) {
        let minor = self.settings.clusterVersion.split(separator: ".").prefix(2)
        text.add(
            .gauge,
            "etcd_server_version",
            "The version of etcd that the server claims to be.",
            [([("server_version", self.settings.version)], 1)]
        )
        text.add(
            .gauge,
            "etcd_cluster_version",
            "The version of the cluster.",
            [([("cluster_version", minor.joined(separator: "."))], 1)]
        )
        text.add(
            .gauge,
            "byre_build_info",
            "The version of Byre.",
            [([("version", ByreVersion.current)], 1)]
        )
        text.add(
            .gauge,
            "etcd_server_id",
            "The id of the member.",
            [([("server_id", String(id, radix: 16))], 1)]
        )
        text.add(.gauge, "etcd_server_has_leader", "Whether there is a leader: always.", 1)
        text.add(.gauge, "etcd_server_is_leader", "Whether this member is the leader: always.", 1)
        text.add(.gauge, "etcd_server_is_learner", "Whether this member is a learner: never.", 0)
        text.add(
            .counter,
            "etcd_server_leader_changes_seen_total",
            "Changes of the leader seen.",
            1
        )
    }

    private func addServer(to text: inout MetricsText, _ counts: [ServerCounts]) {
        let writes = counts.flatMap(\.methods).filter { Self.writes.contains($0.path) }
        text.add(
            .gauge,
            "etcd_server_proposals_pending",
            "Changes asked for and not yet answered.",
            writes.reduce(0) { $0 + $1.started - $1.handled.reduce(0, +) }
        )
    }

    private func addProcess(to text: inout MetricsText) {
        guard let usage = ProcessUsage() else { return }
        let filesMax = Int(clamping: self.filesMax)
        text.add(.gauge, "process_resident_memory_bytes", "Memory in use.", usage.residentBytes)
        text.add(
            .gauge,
            "process_virtual_memory_bytes",
            "Address space in use.",
            usage.virtualBytes
        )
        text.add(
            .counter,
            "process_cpu_seconds_total",
            "Time on processors.",
            nanoseconds: usage.cpuNanoseconds
        )
        text.add(.gauge, "process_open_fds", "Open files and sockets.", usage.openFiles)
        text.add(.gauge, "process_max_fds", "Most open files and sockets.", filesMax)
        text.add(
            .gauge,
            "process_start_time_seconds",
            "Start of the process since 1970.",
            nanoseconds: usage.startNanoseconds
        )
        text.add(.gauge, "os_fd_used", "Open files and sockets.", usage.openFiles)
        text.add(.gauge, "os_fd_limit", "Most open files and sockets.", filesMax)
    }
}
