extension TenantDefinition {
    /// The numbers that a store keeps side by side, in the order of their columns: limits from
    /// `max_keys` to `max_in_flight`, then what compaction by itself goes by, nanoseconds or revisions.
    package var storedNumbers: [Int64?] {
        get {
            let limits = Self.storedLimits.map { self.limits[keyPath: $0] }
            return switch self.autoCompaction {
            case .periodic(let nanoseconds): limits + [nanoseconds, nil]
            case .revision(let count): limits + [nil, count]
            case nil: limits + [nil, nil]
            }
        }
        set {
            precondition(newValue.count == Self.storedLimits.count + 2, "all are set at once")
            for (limit, number) in zip(Self.storedLimits, newValue) {
                self.limits[keyPath: limit] = number
            }
            let (nanoseconds, count) = (newValue[newValue.count - 2], newValue[newValue.count - 1])
            self.autoCompaction =
                nanoseconds.map { .periodic(retentionNanoseconds: $0) }
                ?? count.map { .revision(retention: $0) }
        }
    }

    private static let storedLimits: [any WritableKeyPath<TenantLimits, Int64?> & Sendable] = [
        \.keys, \.valueBytes, \.writesPerSecond, \.readsPerSecond, \.readBytesPerSecond, \.watches,
        \.leases, \.connections, \.inFlight,
    ]
}
