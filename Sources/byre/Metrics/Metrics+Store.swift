import Engine

// What the store and its threads tell.
extension Metrics {
    func addStore(to text: inout MetricsText) {
        let counters = self.store.counters
        let commits = counters.commitDurations
        for name in [
            "etcd_disk_wal_fsync_duration_seconds", "etcd_disk_backend_commit_duration_seconds",
        ] {
            text.add(name, "Time of a commit, its sync included.", [([], commits)], unit: 1e9)
        }
        text.add(
            "byre_store_queue_duration_seconds",
            "Time from when a change was asked for to when its commit began.",
            [([], counters.queueDurations)],
            unit: 1e9
        )
        text.add(
            "byre_store_batch_operations",
            "Changes in one commit.",
            [([], counters.batchSizes)]
        )
        text.add(
            .counter,
            "etcd_server_proposals_failed_total",
            "Commits that failed.",
            counters.failures
        )
        let cache = self.store.cache
        text.add(.gauge, "byre_cache_bytes", "Bytes of values in memory.", cache.bytes)
        let lookups = cache.lookups
        text.add(.counter, "byre_cache_hits_total", "Values found in memory.", lookups.hits)
        text.add(
            .counter,
            "byre_cache_misses_total",
            "Values asked for that were not in memory.",
            lookups.misses
        )
    }
}
