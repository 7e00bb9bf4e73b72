/// Something in a store that is not as it has to be.
package struct Finding: Hashable, Sendable, CustomStringConvertible {
    package enum Severity: String, Hashable, Sendable {
        /// The store would answer wrongly, or refuse to start.
        case error
        /// Odd, and harmless.
        case warning
    }

    package var severity: Severity
    /// The tenant it is about, if it is about one.
    package var tenant: TenantID?
    /// The row it is about, if it is about one.
    package var row: RowID?
    package var message: String

    package var description: String {
        var place = ""
        if let tenant { place += " tenant \(tenant.rawValue)" }
        if let row { place += " row \(row.rawValue)" }
        return "\(self.severity.rawValue):\(place) \(self.message)"
    }
}

/// The findings of one verification, in the order in which they were made.
package struct Findings: Sendable {
    /// How many are told; a store with more is beyond single repair.
    package static let countMax = 1_000

    package private(set) var all: [Finding] = []

    package init() {}

    package mutating func add(
        severity: Finding.Severity = .error,
        tenant: Int64? = nil,
        row: Int64? = nil,
        _ message: String
    ) {
        guard self.all.count < Self.countMax else { return }
        self.all.append(
            Finding(
                severity: severity,
                tenant: tenant.map(TenantID.init(rawValue:)),
                row: row.map(RowID.init(rawValue:)),
                message: message
            )
        )
    }
}
