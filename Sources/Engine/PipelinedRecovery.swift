import ByreCore
import Synchronization

/// Rebuilds the tenants on a thread of its own, while the backend goes on reading.
///
/// Reading rows and indexing them cost about the same, so a start takes half as long.
struct PipelinedRecovery: Recovery {
    /// Rows handed over at once.
    private static let chunkRows = 4_096
    /// Chunks that may wait; then the reading waits.
    private static let chunksMax = 16

    private struct Row {
        let tenant: TenantID
        let key: Bytes
        let version: Version
    }

    private enum Step {
        case tenant(StoredTenant)
        case lease(TenantID, LeaseRecord)
        case alarm(TenantID, Alarm)
        case rows([Row])
    }

    private let mailbox = Mailbox<Step>(capacity: PipelinedRecovery.chunksMax)
    private let thread: WorkerThread
    private let result: Shared
    private var chunk: [Row] = []

    private final class Shared: Sendable {
        let tenants = Mutex(RecoveredTenants())
    }

    init() {
        let shared = Shared()
        let mailbox = self.mailbox
        self.result = shared
        self.thread = WorkerThread(name: "recovery") {
            shared.tenants.withLock { recovered in
                while let step = mailbox.takeFirst() {
                    switch step {
                    case .tenant(let tenant): recovered.tenant(tenant)
                    case .lease(let tenant, let lease): recovered.lease(tenant, lease)
                    case .alarm(let tenant, let alarm): recovered.alarm(tenant, alarm)
                    case .rows(let rows):
                        for row in rows {
                            recovered.row(row.tenant, key: row.key, version: row.version)
                        }
                    }
                }
                recovered.finish()
            }
        }
    }

    mutating func tenant(_ tenant: StoredTenant) { self.mailbox.pushWaiting(.tenant(tenant)) }

    mutating func lease(_ tenant: TenantID, _ lease: LeaseRecord) {
        self.mailbox.pushWaiting(.lease(tenant, lease))
    }

    mutating func alarm(_ tenant: TenantID, _ alarm: Alarm) {
        self.mailbox.pushWaiting(.alarm(tenant, alarm))
    }

    mutating func row(_ tenant: TenantID, key: Bytes, version: Version) {
        self.chunk.append(Row(tenant: tenant, key: key, version: version))
        guard self.chunk.count >= Self.chunkRows else { return }
        self.mailbox.pushWaiting(.rows(self.chunk))
        self.chunk = []
        self.chunk.reserveCapacity(Self.chunkRows)
    }

    /// Waits for the index to be complete. Once, also when the reading failed.
    mutating func finish() -> RecoveredTenants {
        self.mailbox.pushWaiting(.rows(self.chunk))
        self.mailbox.close()
        self.thread.join()
        return self.result.tenants.withLock { $0 }
    }
}
