package import ByreCore

/// Builds the indexes of a store from its rows, as a server does when it starts, and compares them
/// with a plain list of the same rows.
///
/// Memory is O(rows): a list beside an index.
package struct IndexCheck: Recovery {
    /// Findings told of one tenant; a tenant with more is beyond single repair.
    private static let findingsMax = 100

    private var recovered = RecoveredTenants()
    private var rows: [TenantID: [Bytes: [Version]]] = [:]

    package init() {}

    package mutating func tenant(_ tenant: StoredTenant) {
        self.recovered.tenant(tenant)
        self.rows[tenant.record.id] = [:]
    }

    package mutating func lease(_ tenant: TenantID, _ lease: LeaseRecord) {
        self.recovered.lease(tenant, lease)
    }

    package mutating func alarm(_ tenant: TenantID, _ alarm: Alarm) {
        self.recovered.alarm(tenant, alarm)
    }

    package mutating func row(_ tenant: TenantID, key: Bytes, version: Version) {
        self.recovered.row(tenant, key: key, version: version)
        self.rows[tenant]?[key, default: []].append(version)
    }

    /// Compares, once everything was read.
    /// - Returns: a sentence for each difference.
    /// - Complexity: O(rows × log keys).
    package mutating func findings() -> [String] {
        self.recovered.finish()
        return self.recovered.tenants.sorted { $0.key < $1.key }.flatMap { id, tenant in
            Self.findings(tenant.state, self.rows[id] ?? [:])
                .prefix(Self.findingsMax)
                .map { "tenant \(tenant.definition.name): \($0)" }
        }
    }

    private static func findings(_ state: TenantState, _ keys: [Bytes: [Version]]) -> [String] {
        var findings: [String] = []
        do {
            _ = try state.index.checkInvariants()
        } catch {
            findings.append("the index is not well formed: \(error)")
        }
        let live = keys.values.count { $0.last?.isTombstone == false }
        let versions = keys.values.reduce(0) { $0 + $1.count }
        for (what, indexed, stored) in [
            ("keys", state.index.keyCount, keys.count),
            ("keys that exist", state.index.liveCount, live),
            (
                "keys that exist at its revision", state.index.count(in: .all, at: state.revision),
                live
            ),
            ("versions", state.index.versionCount, versions),
        ] where indexed != stored {
            findings.append("the index has \(indexed) \(what), the rows have \(stored)")
        }
        for (key, versions) in keys where state.index.versions(of: key) != versions {
            findings.append("the index has other versions of a key than row \(Self.rows(versions))")
        }
        return findings + self.leaseFindings(state, keys)
    }

    /// Rule: a lease holds exactly the keys that name it.
    private static func leaseFindings(
        _ state: TenantState,
        _ keys: [Bytes: [Version]]
    ) -> [String] {
        var attached: [LeaseID: Int] = [:]
        for versions in keys.values {
            if let lease = versions.last?.lease, lease != .none { attached[lease, default: 0] += 1 }
        }
        return state.leases.records.compactMap { record in
            let held = state.leases[record.id]?.keys.count ?? 0
            let named = attached[record.id] ?? 0
            return held == named
                ? nil : "lease \(record.id.rawValue) holds \(held) keys, \(named) rows name it"
        }
    }

    private static func rows(_ versions: [Version]) -> String {
        versions.map { String($0.row.rawValue) }.joined(separator: ", ")
    }
}
