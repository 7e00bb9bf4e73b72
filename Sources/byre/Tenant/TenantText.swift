import ByreAPI
import FoundationEssentials

/// Tenants as people read them.
enum TenantText {
    /// A table of tenants.
    static func table(_ tenants: [ByreTenant], _ usage: [ByreTenantUsage]) -> String {
        var table = TextTable([
            ("NAME", .left), ("STATE", .left), ("KEYS", .right), ("BYTES", .right),
            ("LIMIT", .right), ("LEASES", .right), ("WATCHES", .right), ("REVISION", .right),
            ("CREATED", .left),
        ])
        for (tenant, usage) in zip(tenants, usage) {
            table.add([
                tenant.name, self.state(tenant), "\(usage.keys)",
                ByteCount(usage.usedBytes).humanText, self.bytesLimit(tenant.settings.limits),
                "\(usage.leases)", "\(usage.watches)", "\(usage.revision)",
                self.day(tenant.createdAt),
            ])
        }
        return table.text
    }

    /// Everything about one tenant.
    static func details(_ tenant: ByreTenant) -> String {
        var fields = [
            ("Name", tenant.name), ("UID", tenant.uid), ("State", self.state(tenant)),
            ("Created", self.time(tenant.createdAt)), ("Generation", "\(tenant.generation)"),
            ("Raw prefix", String(decoding: tenant.prefix, as: UTF8.self)),
            ("Isolation", self.isolation(tenant)),
            ("Cluster id", String(tenant.clusterID, radix: 16)),
            ("Member id", String(tenant.memberID, radix: 16)),
            ("Compaction", self.compaction(tenant.settings)),
        ]
        if tenant.settings.hasOwnership {
            let ownership = tenant.settings.ownership
            fields.append(("Owner", "\(ownership.owner), as \(ownership.source)"))
        }
        let identities = tenant.settings.identities.map { "\($0.kind.text)=\($0.value)" }
        if identities.isEmpty {
            fields.append(("Identities", "none beside its own certificates and its name"))
        }
        for (number, identity) in identities.enumerated() {
            fields.append((number == 0 ? "Identities" : "", identity))
        }
        if tenant.hasSqlReaders {
            let roles = tenant.sqlReaders.roles
            fields.append(("SQL readers", roles.isEmpty ? "none" : roles.joined(separator: ", ")))
        }
        for limit in self.limits(tenant.settings.limits) {
            fields.append(("Limit of " + limit.name, limit.value ?? "none"))
        }
        fields.append(("At the limit", self.spaceMode(tenant.settings.limits)))
        return TextTable.list(fields).split(separator: "\n", omittingEmptySubsequences: false)
            .map { $0.hasPrefix(":") ? " " + $0.dropFirst() : String($0) }
            .joined(separator: "\n")
    }

    /// What a tenant uses beside what it may.
    static func usage(
        _ tenant: ByreTenant,
        _ usage: ByreTenantUsage,
        _ rates: TenantRates?
    ) -> String {
        let limits = Dictionary(
            uniqueKeysWithValues: self.limits(tenant.settings.limits).map { ($0.name, $0.value) }
        )
        func limit(_ name: String) -> String { (limits[name] ?? nil) ?? "none" }
        var table = TextTable([("WHAT", .left), ("USED", .right), ("LIMIT", .right)])
        table.add(["bytes", ByteCount(usage.usedBytes).humanText, limit("bytes")])
        table.add(["bytes at their most", ByteCount(usage.allocatedBytes).humanText, ""])
        table.add(["keys", "\(usage.keys)", limit("keys")])
        table.add(["versions of keys", "\(usage.versions)", ""])
        table.add(["leases", "\(usage.leases)", limit("leases")])
        table.add(["watches", "\(usage.watches)", limit("watches")])
        table.add(["watch streams", "\(usage.watchStreams)", ""])
        table.add(["connections", "\(usage.connections)", limit("connections")])
        table.add(["requests in flight", "\(usage.inFlight)", limit("requests in flight")])
        if let rates {
            table.add(["writes a second", self.rate(rates.writes), limit("writes a second")])
            table.add(["reads a second", self.rate(rates.reads), limit("reads a second")])
            let bytes = ByteCount(Int64(rates.readBytes.rounded())).humanText
            table.add(["bytes read a second", bytes, limit("bytes read a second")])
        }
        table.add(["revision", "\(usage.revision)", ""])
        table.add(["compacted revision", self.revision(usage.compactRevision), ""])
        table.add([
            "alarms", usage.alarms.isEmpty ? "none" : usage.alarms.joined(separator: ","), "",
        ])
        return table.text
    }

    /// One digit after the point, where it tells something.
    private static func rate(_ perSecond: Double) -> String {
        let tenths = Int((perSecond * 10).rounded())
        return tenths >= 1_000 || tenths % 10 == 0
            ? "\(Int(perSecond.rounded()))" : "\(tenths / 10).\(tenths % 10)"
    }

    private static func revision(_ revision: Int64) -> String {
        revision < 0 ? "none" : "\(revision)"
    }

    static func state(_ tenant: ByreTenant) -> String {
        switch tenant.state {
        case .deleting where tenant.hasReclaimAt:
            "deleting until \(self.time(tenant.reclaimAt))"
        default: tenant.state.text
        }
    }

    private static func isolation(_ tenant: ByreTenant) -> String {
        tenant.home.isEmpty
            ? tenant.isolation.text : "\(tenant.isolation.text), in \(tenant.home)"
    }

    private static func limits(
        _ limits: ByreLimits
    ) -> [(name: String, value: String?)] {
        func bytes(_ isSet: Bool, _ value: Int64) -> String? {
            isSet ? ByteCount(value).humanText : nil
        }
        func count(_ isSet: Bool, _ value: Int64) -> String? { isSet ? "\(value)" : nil }
        return [
            ("bytes", limits.hasBytes ? ByteCount(limits.bytes).humanText : "the server's"),
            ("keys", count(limits.hasKeys, limits.keys)),
            ("bytes of a value", bytes(limits.hasValueBytes, limits.valueBytes)),
            ("writes a second", count(limits.hasWritesPerSecond, limits.writesPerSecond)),
            ("reads a second", count(limits.hasReadsPerSecond, limits.readsPerSecond)),
            (
                "bytes read a second",
                bytes(limits.hasReadBytesPerSecond, limits.readBytesPerSecond)
            ),
            ("watches", count(limits.hasWatches, limits.watches)),
            ("leases", count(limits.hasLeases, limits.leases)),
            ("connections", count(limits.hasConnections, limits.connections)),
            ("requests in flight", count(limits.hasInFlight, limits.inFlight)),
        ]
    }

    private static func bytesLimit(_ limits: ByreLimits) -> String {
        limits.hasBytes ? ByteCount(limits.bytes).humanText : "server's"
    }

    private static func spaceMode(_ limits: ByreLimits) -> String { limits.spaceMode.text }

    static func compaction(_ settings: ByreTenantSettings) -> String {
        guard settings.hasAutoCompaction else { return "the server's" }
        switch settings.autoCompaction.policy {
        case .periodicNanoseconds(let nanoseconds) where nanoseconds > 0:
            return "keeps \(Duration.nanoseconds(nanoseconds).flagText)"
        case .revisions(let count) where count > 0: return "keeps \(count) revisions"
        default: return "keeps everything"
        }
    }

    /// A moment in UTC: `2026-11-23T07:00:00Z`.
    static func time(_ seconds: Int64) -> String {
        Date(timeIntervalSince1970: Double(seconds)).formatted(.iso8601)
    }

    private static func day(_ seconds: Int64) -> String { String(self.time(seconds).prefix(10)) }
}

extension ByreState {
    /// The state as output writes it.
    var text: String {
        switch self {
        case .active: "active"
        case .suspended: "suspended"
        case .deleting: "deleting"
        case .erasing: "erasing"
        case .unspecified, .UNRECOGNIZED: "unknown"
        }
    }
}

extension ByreIsolation {
    var text: String {
        switch self {
        case .dedicated: "dedicated"
        case .shared, .unspecified, .UNRECOGNIZED: "shared"
        }
    }
}

extension ByreSpaceMode {
    var text: String {
        switch self {
        case .strict: "strict"
        case .headroom, .unspecified, .UNRECOGNIZED: "headroom"
        }
    }
}
