package import ByreCore
import Synchronization

/// Lets reads of a shared store wait until they see all that was acknowledged before they came: etcd's
/// read index.
///
/// One question to the store serves all reads that wait at the moment it is asked; each goes on once
/// its tenant's published state has reached the sequence that was answered.
package final class ReadBarrier: Sendable {
    /// A read that waits.
    struct Waiter: Sendable {
        let tenant: TenantStore
        /// The lease whose remaining time is asked for too.
        let lease: LeaseID?
        let executor: any ReplyExecutor
        let complete: @Sendable (Result<Remaining, RequestError>) -> Void
    }

    /// What a lease has left by the store's clock, in nanoseconds; nil when there is no such lease, or
    /// none was asked for.
    package typealias Remaining = Int64?

    /// Reads that one question serves; the rest wait for the next.
    private static let groupMax = 16_384

    private let backend: any SharedBackend
    private let attention: Attention
    private let mailbox: Mailbox<Waiter>
    /// Reads that know which sequence they need, by tenant.
    private let pending = Mutex<[TenantID: [Pending]]>([:])

    private struct Pending: Sendable {
        let sequence: Int64
        let remaining: Remaining
        let waiter: Waiter
    }

    /// - Parameter capacity: most reads waiting to be asked for; one more is refused.
    init(backend: any SharedBackend, attention: Attention, capacity: Int) {
        self.backend = backend
        self.attention = attention
        self.mailbox = Mailbox(capacity: capacity)
    }

    // MARK: Reads

    /// Has `body` called on `executor` once the tenant's snapshot holds all that was acknowledged before
    /// this call, or with an error. Always, but when this throws.
    /// - Throws: ``RequestError/tooManyRequests`` and ``RequestError/stopped``.
    package func wait(
        for tenant: TenantStore,
        lease: LeaseID? = nil,
        on executor: any ReplyExecutor,
        _ body: @escaping @Sendable (Result<Remaining, RequestError>) -> Void
    ) throws(RequestError) {
        let waiter = Waiter(tenant: tenant, lease: lease, executor: executor, complete: body)
        switch self.mailbox.push(waiter) {
        case .pushed: return
        case .full: throw .tooManyRequests
        case .closed: throw .stopped
        }
    }

    // MARK: The committer's part

    /// Lets the reads go on that waited for what a tenant's new state has. The state is published.
    func published(_ tenant: TenantStore) {
        let sequence = tenant.snapshot.state.sequence
        let ready: [Pending] = self.pending.withLock { pending in
            guard let waiting = pending[tenant.id] else { return [] }
            let rest = waiting.filter { $0.sequence > sequence }
            pending[tenant.id] = rest.isEmpty ? nil : rest
            return waiting.filter { $0.sequence <= sequence }
        }
        guard !ready.isEmpty else { return }
        var completions = Completions()
        for read in ready { completions.add(read.waiter, .success(read.remaining)) }
        completions.run()
    }

    /// Fails the reads that wait for news, which cannot be had.
    func fail(_ error: RequestError, of tenant: TenantID? = nil) {
        let failed: [Pending] = self.pending.withLock { pending in
            if let tenant { return pending.removeValue(forKey: tenant) ?? [] }
            let all = pending.values.flatMap { $0 }
            pending = [:]
            return all
        }
        var completions = Completions()
        for read in failed { completions.add(read.waiter, .failure(error)) }
        completions.run()
    }

    // MARK: The thread

    /// Refuses further reads; ``run()`` answers those that came and returns.
    func close() {
        self.mailbox.close()
    }

    /// Asks for those that wait, until closed.
    func run() {
        var index: (any ReadIndex)?
        while let first = self.mailbox.takeFirst() {
            var group = [first]
            while group.count < Self.groupMax, let next = self.mailbox.takeFirstIfAny() {
                group.append(next)
            }
            do throws(BackendError) {
                let asked: any ReadIndex
                if let index { asked = index } else { asked = try self.backend.makeReadIndex() }
                index = asked
                try self.ask(asked, for: group)
            } catch {
                var completions = Completions()
                for waiter in group { completions.add(waiter, .failure(.backend(error))) }
                completions.run()
            }
        }
        self.fail(.stopped)
    }

    private func ask(_ index: any ReadIndex, for group: [Waiter]) throws(BackendError) {
        var tenants: [TenantID] = []
        var places: [TenantID: Int] = [:]
        var leases: [ExpiringLease] = []
        for waiter in group {
            let id = waiter.tenant.id
            if places[id] == nil {
                places[id] = tenants.count
                tenants.append(id)
            }
            if let lease = waiter.lease { leases.append(ExpiringLease(tenant: id, lease: lease)) }
        }
        let sequences = try index.sequences(of: tenants)
        var remaining = leases.isEmpty ? [] : try index.remaining(leases)
        remaining.reverse()
        var completions = Completions()
        var behind: [TenantID: Int64] = [:]
        for waiter in group {
            let left = waiter.lease == nil ? nil : remaining.popLast() ?? nil
            guard let place = places[waiter.tenant.id], let sequence = sequences[place] else {
                // It is gone, or its erasing has begun.
                completions.add(waiter, .failure(.stopped))
                continue
            }
            let isReady = self.pending.withLock { pending in
                if waiter.tenant.snapshot.state.sequence >= sequence { return true }
                pending[waiter.tenant.id, default: []].append(
                    Pending(sequence: sequence, remaining: left, waiter: waiter)
                )
                return false
            }
            if isReady {
                completions.add(waiter, .success(left))
            } else {
                behind[waiter.tenant.id] = sequence
            }
        }
        completions.run()
        guard !behind.isEmpty else { return }
        self.attention.note { work in
            for (tenant, sequence) in behind { work.reached(sequence, tenant) }
        }
    }
}

/// Reads that go on, gathered so that each event loop is woken once.
private struct Completions {
    private typealias Completion = @Sendable () -> Void
    private var groups: [(executor: any ReplyExecutor, completions: [Completion])] = []

    mutating func add(
        _ waiter: ReadBarrier.Waiter,
        _ result: Result<ReadBarrier.Remaining, RequestError>
    ) {
        let completion: Completion = { waiter.complete(result) }
        // As many groups as there are event loops: a handful.
        for place in self.groups.indices where self.groups[place].executor === waiter.executor {
            self.groups[place].completions.append(completion)
            return
        }
        self.groups.append((waiter.executor, [completion]))
    }

    consuming func run() {
        for (executor, completions) in self.groups {
            executor.execute { for completion in completions { completion() } }
        }
    }
}
