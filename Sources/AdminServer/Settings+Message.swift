package import ByreAPI
package import ByreCore
import SwiftProtobuf

// A tenant's settings as messages, and back: for the server, and for programs that call it.

extension ByreTenantSettings {
    /// As a message; what is nil stays unset.
    package init(
        limits: TenantLimits,
        identities: Set<TenantIdentity>,
        autoCompaction: AutoCompaction?,
        ownership: TenantOwnership?
    ) {
        self.init()
        self.limits = ByreLimits(limits)
        self.identities = identities.sorted().map { identity in
            .with {
                $0.kind = ByreIdentityKind(identity.kind)
                $0.value = identity.value
            }
        }
        if let autoCompaction { self.autoCompaction = ByreAutoCompaction(autoCompaction) }
        if let ownership { self.ownership = ByreOwnership(ownership) }
    }
}

extension ByreOwnership {
    /// As a message.
    package init(_ ownership: TenantOwnership) {
        self.init()
        self.owner = ownership.owner
        self.source = ownership.source
        self.deletionPolicy =
            switch ownership.deletionPolicy {
            case .retain: .retain
            case .delete: .delete
            }
        self.deletionGraceSeconds = ownership.deletionGraceSeconds
    }
}

extension ByreLimits {
    /// As a message.
    package init(_ limits: TenantLimits) {
        self.init()
        // Assigning nil to an optional field of a message would set it.
        if let bytes = limits.bytes { self.bytes = bytes }
        self.spaceMode =
            switch limits.spaceMode {
            case .strict: .strict
            case .headroom: .headroom
            }
        if let keys = limits.keys { self.keys = keys }
        if let valueBytes = limits.valueBytes { self.valueBytes = valueBytes }
        if let writes = limits.writesPerSecond { self.writesPerSecond = writes }
        if let reads = limits.readsPerSecond { self.readsPerSecond = reads }
        if let readBytes = limits.readBytesPerSecond { self.readBytesPerSecond = readBytes }
        if let watches = limits.watches { self.watches = watches }
        if let leases = limits.leases { self.leases = leases }
        if let connections = limits.connections { self.connections = connections }
        if let inFlight = limits.inFlight { self.inFlight = inFlight }
    }
}

extension ByreIdentityKind {
    /// As a message.
    package init(_ kind: TenantIdentity.Kind) {
        self =
            switch kind {
            case .uriSAN: .uriSan
            case .dnsSAN: .dnsSan
            case .commonName: .commonName
            case .authority: .authority
            case .serverName: .serverName
            }
    }

    /// Nil for what this program does not know.
    package var domain: TenantIdentity.Kind? {
        switch self {
        case .uriSan: .uriSAN
        case .dnsSan: .dnsSAN
        case .commonName: .commonName
        case .authority: .authority
        case .serverName: .serverName
        case .unspecified, .UNRECOGNIZED: nil
        }
    }
}

extension ByreAutoCompaction {
    /// As a message.
    package init(_ policy: AutoCompaction) {
        self.init()
        switch policy {
        case .periodic(let nanoseconds): self.periodicNanoseconds = nanoseconds
        case .revision(let count): self.revisions = count
        }
    }
}

extension AutoCompaction {
    /// What a message says; nil when it names no policy.
    package init?(_ message: ByreAutoCompaction) {
        switch message.policy {
        case .periodicNanoseconds(let nanoseconds):
            self = .periodic(retentionNanoseconds: nanoseconds)
        case .revisions(let count): self = .revision(retention: count)
        case nil: return nil
        }
    }
}

extension ByreIsolation {
    /// As a message.
    package init(_ isolation: TenantDefinition.Isolation) {
        self =
            switch isolation {
            case .shared: .shared
            case .dedicated: .dedicated
            }
    }
}
