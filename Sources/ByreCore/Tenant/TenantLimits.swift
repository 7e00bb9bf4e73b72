/// How much a tenant may use. Nil is the server's default for bytes, and no limit for the rest.
package struct TenantLimits: Hashable, Sendable {
    /// What happens when the bytes are used up.
    package enum SpaceMode: String, Hashable, Sendable, CaseIterable {
        /// etcd's rule to the letter: the alarm stays until somebody takes it back.
        case strict
        /// Creates are refused first, updates may use a reserve, the alarm clears itself.
        case headroom
    }

    /// Bytes of keys and values, history included until compacted.
    package var bytes: Int64?
    package var spaceMode: SpaceMode = .headroom
    /// Live keys.
    package var keys: Int64?
    /// Bytes of one value.
    package var valueBytes: Int64?
    package var writesPerSecond: Int64?
    package var readsPerSecond: Int64?
    package var readBytesPerSecond: Int64?
    /// Watchers, over all streams.
    package var watches: Int64?
    package var leases: Int64?
    package var connections: Int64?
    /// Unary requests that are not yet answered.
    package var inFlight: Int64?

    package init() {}
}
