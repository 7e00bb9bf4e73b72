import ByreAPI
import ByreCore
import Engine
import GRPC
import SwiftProtobuf
import Tenancy

/// A tenant that a request names.
enum FoundTenant {
    case present(TenantStore)
    /// It cannot be taken back.
    case erasing(ErasingProgress)

    var message: ByreTenant {
        switch self {
        case .present(let tenant): ByreTenant(tenant)
        case .erasing(let progress): ByreTenant(progress)
        }
    }
}

extension AdminServer {
    /// Finds the tenant that a request names.
    func find(_ reference: ByreTenantReference) throws(Status) -> FoundTenant {
        let directory = self.store.directory
        let name: String
        switch reference.by {
        case .name(let text):
            if let tenant = directory[name: text] { return .present(tenant) }
            name = "tenant \(text)"
        case .uid(let text):
            if let tenant = directory[uid: text] { return .present(tenant) }
            name = "tenant with the uid \(text)"
        case nil: throw Status(.invalidArgument, "tenant: names no tenant")
        }
        let erasing = self.store.erasing.first {
            switch reference.by {
            case .name(let text): $0.definition.name == text
            case .uid(let text): $0.definition.uid == text
            case nil: false
            }
        }
        if let erasing { return .erasing(erasing) }
        throw Status(.notFound, "there is no \(name)")
    }

    /// Finds the tenant that a request names, unless it is beyond saving.
    func findPresent(_ reference: ByreTenantReference) throws(Status) -> TenantStore {
        switch try self.find(reference) {
        case .present(let tenant): return tenant
        case .erasing(let progress): throw Self.beyondSaving(progress)
        }
    }

    static func beyondSaving(_ progress: ErasingProgress) -> Status {
        Status(
            .failedPrecondition,
            "tenant \(progress.definition.name) is being erased and cannot be taken back"
        )
    }
}

extension ByreTenant {
    init(_ tenant: TenantStore) {
        let definition = tenant.definition
        self.init(definition, state: ByreState(definition.lifecycle))
        self.clusterID = tenant.clusterID
        self.memberID = tenant.memberID
    }

    init(_ progress: ErasingProgress) {
        self.init(progress.definition, state: .erasing)
        self.erasure.rowsLeft = progress.rowsLeft
        self.erasure.rowsAtStart = progress.rowsAtStart
    }
}

extension ByreTenantUsage {
    /// - Parameter now: nanoseconds of the server's monotonic clock.
    init(_ tenant: TenantStore, now: Int64) {
        let state = tenant.snapshot.state
        let watches = tenant.withHub { $0.counters }
        self.init()
        self.revision = state.revision
        self.compactRevision = state.compactRevision
        self.usedBytes = state.usedBytes
        self.allocatedBytes = state.allocatedBytes
        self.keys = Int64(state.index.liveCount)
        self.versions = Int64(state.index.versionCount)
        self.leases = Int64(state.leases.count)
        self.watches = Int64(watches.watchers)
        self.watchStreams = Int64(watches.streams)
        self.alarms = state.alarms.sorted().map(\.kind.name)
        let admission = tenant.admission
        self.connections = admission.connections
        self.inFlight = admission.inFlight
        self.work.atNanoseconds = now
        self.work.writes = admission.done(.writes)
        self.work.reads = admission.done(.reads)
        self.work.readBytes = admission.done(.readBytes)
    }
}
