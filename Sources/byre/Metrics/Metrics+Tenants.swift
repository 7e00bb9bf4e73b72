import ByreCore
import Engine
import Tenancy

// What is told of each tenant.
extension Metrics {
    /// Tenants that get samples of their own; of more, those that use the most bytes. The rest is
    /// summed up in ``restLabel``, so that the page stays bounded.
    static let labelledTenantsMax = 1_000
    /// The label of all tenants without one of their own; no tenant can have this name.
    static let restLabel = "_rest"

    /// What one tenant was at one moment.
    private struct Tenant {
        let name: String
        let state: TenantState
        let watches: WatchCounters
        let quota: Int64?
        let limits: TenantLimits
        let connections: Int64
        let inFlight: Int64
        let writes: Int64
        let reads: Int64
        let readBytes: Int64
        let admission: TenantAdmission.Counts
    }

    private struct Metric {
        let kind: MetricsText.Kind
        let name: String
        let help: String
        /// Whether the values of several tenants add up to something.
        let isSum: Bool
        let value: @Sendable (Tenant) -> Int

        init(
            _ kind: MetricsText.Kind,
            _ name: String,
            _ help: String,
            isSum: Bool = true,
            _ value: @escaping @Sendable (Tenant) -> Int
        ) {
            self.kind = kind
            self.name = name
            self.help = help
            self.isSum = isSum
            self.value = value
        }
    }

    private static let tenantMetrics: [Metric] = [
        Metric(
            .gauge,
            "etcd_server_proposals_committed_total",
            "Changes committed."
        ) { Int($0.state.sequence) },
        Metric(
            .gauge,
            "etcd_server_proposals_applied_total",
            "Changes applied."
        ) { Int($0.state.sequence) },
        Metric(
            .gauge,
            "etcd_server_quota_backend_bytes",
            "The quota in bytes; 0 for none."
        ) { Int($0.quota ?? 0) },
        Metric(
            .gauge,
            "etcd_mvcc_db_total_size_in_bytes",
            "The most bytes of keys, values and their history since the last Defragment."
        ) { Int($0.state.allocatedBytes) },
        Metric(
            .gauge,
            "etcd_mvcc_db_total_size_in_use_in_bytes",
            "Bytes of keys, values and their history."
        ) { Int($0.state.usedBytes) },
        Metric(
            .gauge,
            "etcd_debugging_mvcc_keys_total",
            "Keys that exist."
        ) { $0.state.index.liveCount },
        Metric(
            .gauge,
            "byre_versions",
            "Versions of keys that are kept."
        ) { $0.state.index.versionCount },
        Metric(
            .gauge,
            "etcd_debugging_mvcc_current_revision",
            "The revision of the newest change.",
            isSum: false
        ) { Int($0.state.revision) },
        Metric(
            .gauge,
            "etcd_debugging_mvcc_compact_revision",
            "The revision compacted at last.",
            isSum: false
        ) { Int($0.state.compactRevision) },
        Metric(.gauge, "byre_leases", "Leases that exist.") { $0.state.leases.count },
        Metric(
            .gauge,
            "byre_alarms",
            "Alarms that are raised."
        ) { $0.state.alarms.count },
        Metric(
            .gauge,
            "etcd_debugging_mvcc_watch_stream_total",
            "Watch streams."
        ) { $0.watches.streams },
        Metric(
            .gauge,
            "etcd_debugging_mvcc_watcher_total",
            "Watchers."
        ) { $0.watches.watchers },
        Metric(
            .gauge,
            "etcd_debugging_mvcc_slow_watcher_total",
            "Watchers that catch up."
        ) { $0.watches.slowWatchers },
        Metric(
            .gauge,
            "etcd_debugging_mvcc_pending_events_total",
            "Events waiting to be sent."
        ) { $0.watches.pendingEvents },
        Metric(
            .counter,
            "etcd_debugging_mvcc_events_total",
            "Events sent to watchers."
        ) { Int($0.watches.events) },
        Metric(
            .gauge,
            "byre_tenant_connections",
            "Open connections whose client is the tenant's."
        ) { Int($0.connections) },
        Metric(
            .gauge,
            "byre_tenant_calls_in_flight",
            "Unary calls that are not answered yet."
        ) { Int($0.inFlight) },
        Metric(
            .counter,
            "byre_tenant_writes_total",
            "Writes, as the limit of their rate counts them."
        ) { Int($0.writes) },
        Metric(
            .counter,
            "byre_tenant_reads_total",
            "Reads, as the limit of their rate counts them."
        ) { Int($0.reads) },
        Metric(
            .counter,
            "byre_tenant_read_bytes_total",
            "Bytes of answers."
        ) { Int($0.readBytes) },
        Metric(
            .counter,
            "byre_tenant_calls_delayed_total",
            "Calls that waited for the tenant's rate."
        ) { Int($0.admission.delayed) },
        Metric(
            .counter,
            "byre_tenant_calls_refused_total",
            "Calls refused for the tenant's rate or for too many in flight."
        ) { Int($0.admission.refused) },
        Metric(
            .counter,
            "byre_tenant_connections_refused_total",
            "Connections refused for the tenant's limit."
        ) { Int($0.admission.connectionsRefused) },
        Metric(
            .gauge,
            "byre_tenant_limit_keys",
            "The limit of keys; 0 for none."
        ) { Int($0.limits.keys ?? 0) },
        Metric(
            .gauge,
            "byre_tenant_limit_leases",
            "The limit of leases; 0 for none."
        ) { Int($0.limits.leases ?? 0) },
        Metric(
            .gauge,
            "byre_tenant_limit_watches",
            "The limit of watchers; 0 for none."
        ) { Int($0.limits.watches ?? 0) },
        Metric(
            .gauge,
            "byre_tenant_limit_connections",
            "The limit of connections; 0 for none."
        ) { Int($0.limits.connections ?? 0) },
    ]

    /// Writes what is known of one tenant, without a label: what its own listener shows.
    func addTenant(_ tenant: TenantStore, to text: inout MetricsText) {
        let tenant = self.now(tenant)
        for metric in Self.tenantMetrics {
            text.add(metric.kind, metric.name, metric.help, metric.value(tenant))
        }
    }

    /// Writes what is known of all tenants, labelled with their names; that of a fresh server without a
    /// label, so that a server of one tenant looks like an etcd.
    /// - Complexity: O(tenants).
    func addTenants(to text: inout MetricsText) {
        let directory = self.store.directory.all
        text.add(
            .gauge,
            "byre_tenants",
            "Tenants, by state.",
            TenantDefinition.Lifecycle.allCases.map { lifecycle in
                (
                    [("state", lifecycle.rawValue)],
                    directory.count { $0.definition.lifecycle == lifecycle }
                )
            }
        )
        var tenants = directory.map(self.now)
        var rest: ArraySlice<Tenant> = []
        if tenants.count > Self.labelledTenantsMax {
            tenants.sort { $0.state.usedBytes > $1.state.usedBytes }
            rest = tenants[Self.labelledTenantsMax...]
            tenants.removeLast(rest.count)
            tenants.sort { $0.name < $1.name }
        }
        for metric in Self.tenantMetrics {
            var samples = tenants.map { (labels: Self.labels($0.name), value: metric.value($0)) }
            if !rest.isEmpty, metric.isSum {
                let sum = rest.reduce(0) { $0 + metric.value($1) }
                samples.append((Self.labels(Self.restLabel), sum))
            }
            text.add(metric.kind, metric.name, metric.help, samples)
        }
    }

    private static func labels(_ name: String) -> [(String, String)] {
        name == ServeConfiguration.defaultTenant ? [] : [("tenant", name)]
    }

    private func now(_ tenant: TenantStore) -> Tenant {
        Tenant(
            name: tenant.name,
            state: tenant.snapshot.state,
            watches: tenant.withHub { $0.counters },
            quota: tenant.definition.limits.bytes ?? self.store.configuration.quota.bytes,
            limits: tenant.definition.limits,
            connections: tenant.admission.connections,
            inFlight: tenant.admission.inFlight,
            writes: tenant.admission.done(.writes),
            reads: tenant.admission.done(.reads),
            readBytes: tenant.admission.done(.readBytes),
            admission: tenant.admission.counts
        )
    }
}
