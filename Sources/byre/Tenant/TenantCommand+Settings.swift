import AdminServer
import ByreAPI
import ByreCore
import FoundationEssentials
import SwiftProtobuf

// What the flags say about a tenant's settings, as messages.
extension TenantCommand {
    /// The paths of the settings that flags were given for, as a field mask has them.
    var settingsPaths: [String] {
        let options = self.options
        let limits: [(name: String, isGiven: Bool)] = [
            ("bytes", options.bytes != nil), ("space_mode", options.spaceMode != nil),
            ("keys", options.keys != nil), ("value_bytes", options.valueBytes != nil),
            ("writes_per_second", options.writesPerSecond != nil),
            ("reads_per_second", options.readsPerSecond != nil),
            ("read_bytes_per_second", options.readBytesPerSecond != nil),
            ("watches", options.watches != nil), ("leases", options.leases != nil),
            ("connections", options.connections != nil), ("in_flight", options.inFlight != nil),
        ]
        var paths = limits.filter(\.isGiven).map { "limits.\($0.name)" }
        if !options.identities.isEmpty || options.noIdentities { paths.append("identities") }
        if options.autoCompactionRetention != nil { paths.append("auto_compaction") }
        return paths
    }

    /// The settings that were given; the others are unset.
    func settings() throws(UsageError) -> ByreTenantSettings {
        var settings = ByreTenantSettings()
        settings.limits = self.limits
        settings.identities = self.options.identities.map { flag in
            .with {
                $0.kind = ByreIdentityKind(flag.identity.kind)
                $0.value = flag.identity.value
            }
        }
        if let compaction = try self.autoCompaction() { settings.autoCompaction = compaction }
        return settings
    }

    private var limits: ByreLimits {
        let options = self.options
        var limits = ByreLimits()
        if case .amount(let value) = options.bytes { limits.bytes = value.bytes }
        if case .amount(let value) = options.keys { limits.keys = value }
        if case .amount(let value) = options.valueBytes { limits.valueBytes = value.bytes }
        if case .amount(let value) = options.writesPerSecond { limits.writesPerSecond = value }
        if case .amount(let value) = options.readsPerSecond { limits.readsPerSecond = value }
        if case .amount(let value) = options.readBytesPerSecond {
            limits.readBytesPerSecond = value.bytes
        }
        if case .amount(let value) = options.watches { limits.watches = value }
        if case .amount(let value) = options.leases { limits.leases = value }
        if case .amount(let value) = options.connections { limits.connections = value }
        if case .amount(let value) = options.inFlight { limits.inFlight = value }
        switch options.spaceMode {
        case .strict: limits.spaceMode = .strict
        case .headroom: limits.spaceMode = .headroom
        case nil: break
        }
        return limits
    }

    /// The policy that the flags name; nil for the server's own.
    func autoCompaction() throws(UsageError) -> ByreAutoCompaction? {
        guard let text = self.options.autoCompactionRetention, text != "default" else {
            return nil
        }
        let policy: AutoCompaction?
        do {
            policy = try self.options.autoCompactionMode.compaction(retention: text)
        } catch {
            throw UsageError("--auto-compaction-retention: \"\(text)\" \(error.reason)")
        }
        // What keeps everything is said, so that it is not the server's own policy.
        return ByreAutoCompaction(policy ?? .revision(retention: 0))
    }

    /// What creates the tenant.
    func createRequest() throws(UsageError) -> ByreCreateRequest {
        var request = ByreCreateRequest()
        request.name = self.name
        request.uid = self.options.uid ?? ""
        request.prefix = Data((self.options.prefix ?? "").utf8)
        request.settings = try self.settings()
        request.isolation = ByreIsolation(self.options.isolation)
        return request
    }
}

extension ByreIdentityKind {
    /// The kind as flags and output write it.
    var text: String { self.domain?.rawValue ?? "unknown" }
}
