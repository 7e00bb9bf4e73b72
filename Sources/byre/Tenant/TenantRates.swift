import ByreAPI

/// What a tenant wrote and read a second, between two looks at it.
struct TenantRates {
    let writes: Double
    let reads: Double
    let readBytes: Double

    /// - Returns: nil when the server started anew in between, or no time has passed.
    init?(from before: ByreTenantWork, to after: ByreTenantWork) {
        let seconds = Double(after.atNanoseconds - before.atNanoseconds) / 1e9
        guard seconds > 0, after.writes >= before.writes, after.reads >= before.reads,
            after.readBytes >= before.readBytes
        else { return nil }
        self.writes = Double(after.writes - before.writes) / seconds
        self.reads = Double(after.reads - before.reads) / seconds
        self.readBytes = Double(after.readBytes - before.readBytes) / seconds
    }
}
