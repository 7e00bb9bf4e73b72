extension TenantLimits {
    /// What one of several instances lets in: an equal part of each rate, at least 1. What a tenant may
    /// hold is counted for all of them together; connections and calls in flight are each instance's.
    package func divided(among instances: Int) -> TenantLimits {
        guard instances > 1 else { return self }
        let count = Int64(instances)
        let part = { (rate: Int64?) in rate.map { max(($0 + count - 1) / count, min($0, 1)) } }
        var limits = self
        limits.writesPerSecond = part(self.writesPerSecond)
        limits.readsPerSecond = part(self.readsPerSecond)
        limits.readBytesPerSecond = part(self.readBytesPerSecond)
        return limits
    }
}
