import ByreCore
import Engine
import EtcdServer
import Transport

/// The page `/metrics`: etcd's names where Byre has the same thing to tell, `byre_` names for its own.
///
/// Source: etcd `server/etcdserver/metrics.go`, `server/storage/mvcc/metrics.go`.
struct Metrics: Sendable {
    let store: Store
    let settings: Settings
    /// The most files and sockets that the process may have open.
    let filesMax: UInt64

    /// Writes what is one tenant's: all that its own listener shows.
    func text(of tenant: TenantStore) -> String {
        var text = MetricsText()
        self.addTenant(tenant, to: &text)
        return text.text
    }

    /// Writes everything, of one moment or nearly.
    /// - Complexity: O(methods × loops).
    func text(_ servers: [Server]) -> String {
        var text = MetricsText()
        let counts = servers.map(\.counts)
        self.addServer(to: &text, counts)
        if let tenant = self.tenant { self.addTenant(tenant, to: &text) }
        self.addStore(to: &text)
        self.addCalls(to: &text, counts)
        self.addConnections(to: &text, servers, counts)
        self.addProcess(to: &text)
        return text.text
    }

    /// The tenant that a server has from the start.
    private var tenant: TenantStore? {
        self.store.tenant(named: ServeConfiguration.defaultTenant)
    }

    private func addServer(to text: inout MetricsText, _ counts: [ServerCounts]) {
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
        let id = self.tenant.map { String($0.memberID, radix: 16) } ?? "0"
        text.add(.gauge, "etcd_server_id", "The id of the member.", [([("server_id", id)], 1)])
        text.add(.gauge, "etcd_server_has_leader", "Whether there is a leader: always.", 1)
        text.add(.gauge, "etcd_server_is_leader", "Whether this member is the leader: always.", 1)
        text.add(.gauge, "etcd_server_is_learner", "Whether this member is a learner: never.", 0)
        text.add(
            .counter,
            "etcd_server_leader_changes_seen_total",
            "Changes of the leader seen.",
            1
        )
        let sequence = Int(self.tenant?.snapshot.state.sequence ?? 0)
        text.add(
            .gauge,
            "etcd_server_proposals_committed_total",
            "Changes committed.",
            sequence
        )
        text.add(.gauge, "etcd_server_proposals_applied_total", "Changes applied.", sequence)
        let writes = counts.flatMap(\.methods).filter { Self.writes.contains($0.path) }
        text.add(
            .gauge,
            "etcd_server_proposals_pending",
            "Changes asked for and not yet answered.",
            writes.reduce(0) { $0 + $1.started - $1.handled.reduce(0, +) }
        )
        text.add(
            .counter,
            "etcd_server_proposals_failed_total",
            "Commits that failed.",
            Int(self.store.counters.failures)
        )
        text.add(
            .gauge,
            "etcd_server_quota_backend_bytes",
            "The quota in bytes; 0 for none.",
            Int(self.store.configuration.quota.bytes ?? 0)
        )
    }

    private func addTenant(_ tenant: TenantStore, to text: inout MetricsText) {
        let state = tenant.snapshot.state
        let watches = tenant.withHub { $0.counters }
        text.add(
            .gauge,
            "etcd_mvcc_db_total_size_in_bytes",
            "Bytes counted against the quota, until Defragment.",
            Int(state.allocatedBytes)
        )
        text.add(
            .gauge,
            "etcd_mvcc_db_total_size_in_use_in_bytes",
            "Bytes of keys, values and their history.",
            Int(state.usedBytes)
        )
        text.add(
            .gauge,
            "etcd_debugging_mvcc_keys_total",
            "Keys that exist.",
            state.index.liveCount
        )
        text.add(
            .gauge,
            "byre_versions",
            "Versions of keys that are kept.",
            state.index.versionCount
        )
        text.add(
            .gauge,
            "etcd_debugging_mvcc_current_revision",
            "The revision of the newest change.",
            Int(state.revision)
        )
        text.add(
            .gauge,
            "etcd_debugging_mvcc_compact_revision",
            "The revision compacted at last.",
            Int(state.compactRevision)
        )
        text.add(.gauge, "byre_leases", "Leases that exist.", state.leases.count)
        text.add(
            .gauge,
            "etcd_debugging_mvcc_watch_stream_total",
            "Watch streams.",
            watches.streams
        )
        text.add(.gauge, "etcd_debugging_mvcc_watcher_total", "Watchers.", watches.watchers)
        text.add(
            .gauge,
            "etcd_debugging_mvcc_slow_watcher_total",
            "Watchers that catch up.",
            watches.slowWatchers
        )
        text.add(
            .gauge,
            "etcd_debugging_mvcc_pending_events_total",
            "Events waiting to be sent.",
            watches.pendingEvents
        )
    }

    private func addStore(to text: inout MetricsText) {
        let counters = self.store.counters
        let commits = counters.commits
        let nanoseconds = counters.commitNanoseconds
        text.addHistogram(
            "etcd_disk_wal_fsync_duration_seconds",
            "Time of a commit, its sync included.",
            count: commits,
            nanoseconds: nanoseconds
        )
        text.addHistogram(
            "etcd_disk_backend_commit_duration_seconds",
            "Time of a commit, its sync included.",
            count: commits,
            nanoseconds: nanoseconds
        )
        text.add(
            .counter,
            "byre_store_operations_total",
            "Changes taken into commits.",
            Int(counters.operations)
        )
        text.add(
            .gauge,
            "byre_cache_bytes",
            "Bytes of values in memory.",
            self.store.cache.bytes
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
