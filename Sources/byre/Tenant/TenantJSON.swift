import ByreAPI
import FoundationEssentials

/// Tenants as scripts read them. Fields are added, never renamed; what is not set is not there.
enum TenantJSON {
    /// A tenant with its settings.
    struct Tenant: Encodable {
        let name: String
        let uid: String
        let state: String
        let createdAt: String
        let reclaimAt: String?
        let generation: Int64
        /// The raw prefix as text.
        let prefix: String
        let isolation: String
        /// The schema or file of a tenant that is dedicated.
        let home: String?
        let clusterID: String
        let memberID: String
        let limits: Limits
        let identities: [String]
        let autoCompaction: AutoCompaction?
        let ownership: Ownership?
        /// Roles of the database; not there when it has none or did not tell.
        let sqlReaders: [String]?
        let erasure: Erasure?
        let usage: Usage?

        init(
            _ tenant: ByreTenant,
            usage: ByreTenantUsage? = nil,
            _ rates: TenantRates? = nil
        ) {
            self.name = tenant.name
            self.uid = tenant.uid
            self.state = tenant.state.text
            self.createdAt = TenantText.time(tenant.createdAt)
            self.reclaimAt = tenant.hasReclaimAt ? TenantText.time(tenant.reclaimAt) : nil
            self.generation = tenant.generation
            self.prefix = String(decoding: tenant.prefix, as: UTF8.self)
            self.isolation = tenant.isolation.text
            self.home = tenant.home.isEmpty ? nil : tenant.home
            self.clusterID = String(tenant.clusterID, radix: 16)
            self.memberID = String(tenant.memberID, radix: 16)
            self.limits = Limits(tenant.settings.limits)
            self.identities = tenant.settings.identities.map { "\($0.kind.text)=\($0.value)" }
            self.autoCompaction =
                tenant.settings.hasAutoCompaction
                ? AutoCompaction(tenant.settings.autoCompaction) : nil
            self.ownership =
                tenant.settings.hasOwnership ? Ownership(tenant.settings.ownership) : nil
            self.sqlReaders = tenant.hasSqlReaders ? tenant.sqlReaders.roles : nil
            self.erasure = tenant.hasErasure ? Erasure(tenant.erasure) : nil
            self.usage = usage.map { Usage($0, rates) }
        }
    }

    struct Limits: Encodable {
        let bytes: Int64?
        let spaceMode: String
        let keys: Int64?
        let valueBytes: Int64?
        let writesPerSecond: Int64?
        let readsPerSecond: Int64?
        let readBytesPerSecond: Int64?
        let watches: Int64?
        let leases: Int64?
        let connections: Int64?
        let inFlight: Int64?

        init(_ limits: ByreLimits) {
            self.bytes = limits.hasBytes ? limits.bytes : nil
            self.spaceMode = limits.spaceMode.text
            self.keys = limits.hasKeys ? limits.keys : nil
            self.valueBytes = limits.hasValueBytes ? limits.valueBytes : nil
            self.writesPerSecond = limits.hasWritesPerSecond ? limits.writesPerSecond : nil
            self.readsPerSecond = limits.hasReadsPerSecond ? limits.readsPerSecond : nil
            self.readBytesPerSecond = limits.hasReadBytesPerSecond ? limits.readBytesPerSecond : nil
            self.watches = limits.hasWatches ? limits.watches : nil
            self.leases = limits.hasLeases ? limits.leases : nil
            self.connections = limits.hasConnections ? limits.connections : nil
            self.inFlight = limits.hasInFlight ? limits.inFlight : nil
        }
    }

    struct AutoCompaction: Encodable {
        let mode: String
        /// A duration, or a number of revisions; 0 keeps everything.
        let retention: String

        init(_ compaction: ByreAutoCompaction) {
            switch compaction.policy {
            case .periodicNanoseconds(let nanoseconds):
                self.mode = AutoCompactionMode.periodic.rawValue
                self.retention = Duration.nanoseconds(nanoseconds).flagText
            case .revisions(let count):
                self.mode = AutoCompactionMode.revision.rawValue
                self.retention = "\(count)"
            case nil:
                self.mode = AutoCompactionMode.revision.rawValue
                self.retention = "0"
            }
        }
    }

    /// The controller that looks after a tenant.
    struct Ownership: Encodable {
        let owner: String
        let source: String
        let deletionPolicy: String
        let deletionGraceSeconds: Int64

        init(_ ownership: ByreOwnership) {
            self.owner = ownership.owner
            self.source = ownership.source
            self.deletionPolicy = ownership.deletionPolicy == .delete ? "Delete" : "Retain"
            self.deletionGraceSeconds = ownership.deletionGraceSeconds
        }
    }

    struct Erasure: Encodable {
        let rowsLeft: Int64
        let rowsAtStart: Int64

        init(_ erasure: ByreErasure) {
            self.rowsLeft = erasure.rowsLeft
            self.rowsAtStart = erasure.rowsAtStart
        }
    }

    struct Usage: Encodable {
        let revision: Int64
        /// -1 for none.
        let compactRevision: Int64
        let usedBytes: Int64
        let allocatedBytes: Int64
        let keys: Int64
        let versions: Int64
        let leases: Int64
        let watches: Int64
        let watchStreams: Int64
        let alarms: [String]
        let connections: Int64
        let inFlight: Int64
        let writesPerSecond: Double?
        let readsPerSecond: Double?
        let readBytesPerSecond: Double?

        init(_ usage: ByreTenantUsage, _ rates: TenantRates?) {
            self.revision = usage.revision
            self.compactRevision = usage.compactRevision
            self.usedBytes = usage.usedBytes
            self.allocatedBytes = usage.allocatedBytes
            self.keys = usage.keys
            self.versions = usage.versions
            self.leases = usage.leases
            self.watches = usage.watches
            self.watchStreams = usage.watchStreams
            self.alarms = usage.alarms
            self.connections = usage.connections
            self.inFlight = usage.inFlight
            self.writesPerSecond = rates?.writes
            self.readsPerSecond = rates?.reads
            self.readBytesPerSecond = rates?.readBytes
        }
    }

    struct Tenants: Encodable {
        let tenants: [Tenant]
    }

    struct Created: Encodable {
        let created: Bool
        let tenant: Tenant
    }

    struct Changed: Encodable {
        let changed: Bool
        /// Not there once nothing is left of it.
        let tenant: Tenant?
    }

    struct Imported: Encodable {
        let keys: Int64
        let leases: Int64
        let bytes: Int64
        let tenant: Tenant
    }

    struct Certificate: Encodable {
        let tenant: String
        let uid: String
        let directory: String
        let lastDay: String
    }

    /// The value as lines of JSON, keys sorted.
    static func text(_ value: some Encodable) throws(CommandFailure) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        do {
            return String(decoding: try encoder.encode(value), as: UTF8.self) + "\n"
        } catch {
            throw CommandFailure("the answer cannot be written as JSON: \(error)")
        }
    }
}
