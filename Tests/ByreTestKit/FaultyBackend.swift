package import ByreCore
import Synchronization

/// A ``Backend`` in front of another, that fails and stalls when it is told to.
package final class FaultyBackend: Backend {
    /// How a commit fails.
    package enum Fault: Sendable {
        /// Nothing was written.
        case before(BackendError)
        /// Everything was written, and the answer got lost.
        case after(BackendError)
    }

    private struct State {
        var commitFaults: [Fault] = []
        var removalFault: BackendError?
        var readFault: BackendError?
        var openFault: BackendError?
        var maintenanceFault: BackendError?
        var settleFault: BackendError?
        var leavesSettling = false
        var settlings: [Bool] = []
        var isHolding = false
        var batches: [Batch] = []
        var reads = 0
        var scans = 0
    }

    /// What one commit was asked to write.
    package struct Batch: Sendable {
        package let rows: Int
        package let leases: Int
        package let removedRows: Int
    }

    private let base: any Backend
    private let state = Mutex(State())
    private let arrived = Signal()
    private let released = Signal()

    package init(_ base: any Backend) {
        self.base = base
    }

    // MARK: Telling it what to do

    /// Lets the next commits fail, one for each fault.
    package func failCommits(_ faults: [Fault]) {
        self.state.withLock { $0.commitFaults += faults }
    }

    /// Lets every commit that removes rows fail from now on, or with nil no more.
    package func failRemovals(_ error: BackendError?) {
        self.state.withLock { $0.removalFault = error }
    }

    /// Lets every read fail from now on, or with nil no more.
    package func failReads(_ error: BackendError?) {
        self.state.withLock { $0.readFault = error }
    }

    /// Lets every opening of a reader fail from now on, or with nil no more.
    package func failOpening(_ error: BackendError?) {
        self.state.withLock { $0.openFault = error }
    }

    /// Lets maintenance and defragmentation fail from now on, or with nil no more.
    package func failMaintenance(_ error: BackendError?) {
        self.state.withLock { $0.maintenanceFault = error }
    }

    /// Lets settling fail from now on, or with nil no more.
    package func failSettling(_ error: BackendError?) {
        self.state.withLock { $0.settleFault = error }
    }

    /// Has commits leave something to settle until nobody writes.
    package func leaveSettling() {
        self.state.withLock { $0.leavesSettling = true }
    }

    /// Settlings asked for: whether each came when nobody wrote.
    package var settlings: [Bool] { self.state.withLock { $0.settlings } }

    /// Holds every commit from now on until it is released.
    package func holdCommits() {
        self.state.withLock { $0.isHolding = true }
    }

    /// Waits until a commit is held.
    package func awaitHeldCommit() throws(Signal.Hang) {
        try self.arrived.wait(for: "a commit")
    }

    /// Lets the commit go that is held; the next one is held again.
    package func releaseCommit() {
        self.released.send()
    }

    /// Lets the commit go that is held, and holds no more.
    package func releaseCommits() {
        self.state.withLock { $0.isHolding = false }
        self.released.send()
    }

    /// Commits asked for, those that failed too.
    package var batches: [Batch] { self.state.withLock { $0.batches } }

    /// Rows that readers were asked for.
    package var reads: Int { self.state.withLock { $0.reads } }

    /// Scans begun.
    package var scans: Int { self.state.withLock { $0.scans } }

    // MARK: Backend

    package func recover(into recovery: inout some Recovery) throws(BackendError) {
        try self.base.recover(into: &recovery)
    }

    package func commit(_ batch: CommitBatch) throws(BackendError) {
        let isHolding = self.state.withLock { state in
            state.batches.append(
                Batch(
                    rows: batch.rows.count,
                    leases: batch.leases.count,
                    removedRows: batch.removedRows.reduce(0) { $0 + $1.rows.count }
                )
            )
            return state.isHolding
        }
        if isHolding {
            self.arrived.send()
            do throws(Signal.Hang) {
                try self.released.wait(for: "the release of a commit")
            } catch {
                throw .unavailable("nobody released a commit that was held")
            }
        }
        let fault: Fault? = self.state.withLock { state in
            if !batch.removedRows.isEmpty, let fault = state.removalFault { return .before(fault) }
            return state.commitFaults.isEmpty ? nil : state.commitFaults.removeFirst()
        }
        switch fault {
        case .before(let error):
            throw error
        case .after(let error):
            try self.base.commit(batch)
            throw error
        case nil:
            try self.base.commit(batch)
        }
    }

    package func settle(isIdle: Bool) throws(BackendError) -> Bool {
        let (fault, leaves) = self.state.withLock { state in
            state.settlings.append(isIdle)
            return (state.settleFault, state.leavesSettling)
        }
        if let fault { throw fault }
        let isLeft = try self.base.settle(isIdle: isIdle)
        return isLeft || leaves && !isIdle
    }

    package func makeReader() throws(BackendError) -> any BackendReader {
        if let fault = self.state.withLock({ $0.openFault }) { throw fault }
        return Reader(self, try self.base.makeReader())
    }

    package func maintain() throws(BackendError) -> Bool {
        if let fault = self.state.withLock({ $0.maintenanceFault }) { throw fault }
        return try self.base.maintain()
    }

    package func defragment() throws(BackendError) {
        if let fault = self.state.withLock({ $0.maintenanceFault }) { throw fault }
        try self.base.defragment()
    }

    package var commitsSpanHomes: Bool { self.base.commitsSpanHomes }

    package func chooseHome(for tenant: TenantDefinition) throws(HomeRefusal) -> String {
        try self.base.chooseHome(for: tenant)
    }

    package func close() {
        self.base.close()
    }

    /// Counts a read, or fails it.
    private func read(_ rows: Int) throws(BackendError) {
        let fault = self.state.withLock { state in
            state.reads += rows
            return state.readFault
        }
        if let fault { throw fault }
    }

    private final class Reader: BackendReader {
        private let backend: FaultyBackend
        private let base: any BackendReader

        init(_ backend: FaultyBackend, _ base: any BackendReader) {
            self.backend = backend
            self.base = base
        }

        func values(
            of tenant: TenantID,
            rows: [RowID],
            _ body: (_ index: Int, _ value: Bytes) -> Void
        ) throws(BackendError) {
            try self.backend.read(rows.count)
            try self.base.values(of: tenant, rows: rows, body)
        }

        func scan(
            _ tenant: TenantID,
            in span: RowSpan,
            _ body: (_ key: Bytes, _ version: Version, _ value: Bytes) -> Bool
        ) throws(BackendError) {
            try self.backend.read(0)
            self.backend.state.withLock { $0.scans += 1 }
            try self.base.scan(tenant, in: span, body)
        }
    }
}
