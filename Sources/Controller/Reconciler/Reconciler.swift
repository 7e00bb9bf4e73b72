import ByreCore
import Dispatch
import Synchronization

/// Makes what is declared so, again and again, and says how it went.
///
/// Level-triggered: each time it looks at what is declared and what is there, and does the
/// difference. It remembers nothing that it could not do without, so it may be killed at any point,
/// and several may run at once.
package final class Reconciler: Sendable {
    let source: any TenantSource
    let sink: (any CredentialSink)?
    /// Where `byre ca init` made the authority; nil for none.
    let authorityDirectory: String?
    let connect: TenantAdminFactory
    let settings: ReconcilerSettings
    let tell: @Sendable (ReconcilerEvent) -> Void
    let state = Mutex(ReconcilerState())

    package init(
        source: any TenantSource,
        sink: (any CredentialSink)?,
        authorityDirectory: String?,
        connect: @escaping TenantAdminFactory,
        settings: ReconcilerSettings,
        tell: @escaping @Sendable (ReconcilerEvent) -> Void
    ) {
        self.source = source
        self.sink = sink
        self.authorityDirectory = authorityDirectory
        self.connect = connect
        self.settings = settings
        self.tell = tell
    }

    /// How things are now.
    package var status: ReconcilerStatus {
        self.state.withLock { state in
            ReconcilerStatus(state, authority: CertificateIssuer(in: self.authorityDirectory).state)
        }
    }

    // MARK: Running

    /// What this controller calls itself in the tenants that it owns.
    package var owner: String { self.source.owner }

    /// Works until `wakeup` is stopped.
    /// - Parameter afterPass: called each time after something was looked at.
    package func run(_ wakeup: Wakeup, afterPass: () -> Void = {}) {
        self.source.start(wakeup)
        defer { self.source.stop() }
        var isAllDue = true
        while !wakeup.isStopping {
            let now = self.settings.monotonicNanoseconds()
            let due = isAllDue ? nil : self.state.withLock { $0.takeDue(at: now) }
            if due?.isEmpty != true {
                self.pass(due)
                afterPass()
            }
            let (wait, isResync) = self.state.withLock { state in
                state.wait(
                    from: self.settings.monotonicNanoseconds(),
                    resyncNanoseconds: self.settings.resyncInterval.wholeNanoseconds
                )
            }
            let news = wakeup.wait(until: .now() + .nanoseconds(Int(wait)))
            isAllDue = news.all || (news.isEmpty && isResync)
            self.state.withLock { $0.noteDue(news.keys) }
        }
    }

    /// Looks at everything until nothing fails, or has failed too often.
    /// - Returns: nil when the declarations or the server could not be read.
    package func runOnce() -> PassResult? {
        var due: Set<DeclarationKey>?
        for attempt in 1...max(1, self.settings.attemptsMax) {
            let result = self.pass(due)
            let failed = self.state.withLock { $0.failing }
            if result != nil, failed.isEmpty { return self.result }
            guard attempt < self.settings.attemptsMax, !self.isSourceInvalid else { break }
            let pause = self.settings.retry.pause(
                afterFailures: attempt,
                random: self.settings.random()
            )
            // Nothing but time is waited for here.
            _ = DispatchSemaphore(value: 0).wait(
                timeout: .now() + .nanoseconds(Int(pause.wholeNanoseconds))
            )
            due = result == nil ? nil : failed
        }
        return self.state.withLock { $0.problem == nil ? $0.result : nil }
    }

    private var result: PassResult { self.state.withLock(\.result) }

    private var isSourceInvalid: Bool {
        self.state.withLock { state in
            if case .source(.invalid) = state.problem { true } else { false }
        }
    }

    // MARK: A pass

    /// One declaration with the tenant that is there for it.
    struct Item {
        let desired: DesiredTenant
        let tenant: ActualTenant?
    }

    /// Looks at declarations, all of them for nil.
    /// - Returns: nil when the declarations or the server could not be read.
    @discardableResult
    func pass(_ due: Set<DeclarationKey>?) -> PassResult? {
        guard self.source.isLeading else {
            self.state.withLock { $0.standBy() }
            return nil
        }
        let declarations: [DesiredTenant]
        do throws(SourceFailure) {
            declarations = try self.source.declarations()
        } catch {
            self.tell(.sourceFailed(error))
            self.failed(.source(error))
            return nil
        }
        let tenants: [ActualTenant]
        do throws(AdminFailure) {
            tenants = try self.connect().list()
        } catch {
            self.tell(.serverFailed(error))
            self.failed(.server(error))
            for desired in declarations { self.report(self.unreachable(desired, error)) }
            return nil
        }
        let items = self.items(declarations, tenants)
        let chosen = due.map { due in items.filter { due.contains($0.desired.key) } } ?? items
        self.state.withLock { state in
            if due == nil { state.keep(Set(items.map(\.desired.key))) }
        }
        self.work(on: chosen)
        let result = self.state.withLock { state in
            state.passed(
                isComplete: due == nil,
                declarations: declarations.count,
                at: self.settings.monotonicNanoseconds(),
                now: self.settings.now()
            )
        }
        self.tell(.pass(result))
        return result
    }

    /// What is to be looked at: the declarations, and tenants of this owner that nothing declares.
    func items(_ declarations: [DesiredTenant], _ tenants: [ActualTenant]) -> [Item] {
        let tenantsByName = Dictionary(
            tenants.map { ($0.name, $0) },
            uniquingKeysWith: { a, _ in a }
        )
        var items = declarations.map { Item(desired: $0, tenant: tenantsByName[$0.name]) }
        guard self.source.goneMeansRemoved else { return items }
        let declared = Set(declarations.map(\.source))
        for tenant in tenants {
            guard let ownership = tenant.settings.ownership, ownership.owner == self.source.owner,
                !declared.contains(ownership.source)
            else { continue }
            var desired = DesiredTenant(
                key: DeclarationKey(ownership.source),
                name: tenant.name,
                place: "nowhere any more",
                source: ownership.source
            )
            desired.isRemoved = true
            desired.deletionPolicy = ownership.deletionPolicy
            desired.deletionGraceSeconds = ownership.deletionGraceSeconds
            items.append(Item(desired: desired, tenant: tenant))
        }
        return items
    }

    /// Works on items, several at a time. One that fails stops no other.
    private func work(on items: [Item]) {
        guard !items.isEmpty else { return }
        let next = Mutex(0)
        DispatchQueue.concurrentPerform(iterations: min(self.settings.workers, items.count)) { _ in
            var admin: (any TenantAdmin)?
            while true {
                let index = next.withLock { next in
                    defer { next += 1 }
                    return next
                }
                guard index < items.count else { return }
                self.work(on: items[index], &admin)
            }
        }
    }

    private func work(on item: Item, _ admin: inout (any TenantAdmin)?) {
        var desired = item.desired
        if desired.reported.isEmpty {
            desired.reported = self.state.withLock { $0.outcomes[desired.key]?.conditions ?? [] }
        }
        let connected: any TenantAdmin
        do throws(AdminFailure) {
            if let admin {
                connected = admin
            } else {
                connected = try self.connect()
                admin = connected
            }
        } catch {
            self.tell(.failed(desired.key, .admin(error)))
            self.finish(self.unreachable(desired, error), failure: .admin(error))
            return
        }
        var work = TenantWork(
            desired,
            tenant: item.tenant,
            admin: connected,
            source: self.source,
            sink: self.sink,
            issuer: CertificateIssuer(in: self.authorityDirectory),
            settings: self.settings,
            tell: self.tell
        )
        let failure = work.run()
        if case .admin(.unreachable) = failure { admin = nil }
        self.state.withLock { state in
            for step in work.done { state.steps[step.name, default: 0] += 1 }
        }
        self.finish(work.outcome(failure), failure: failure)
    }

    // MARK: What is said

    private func unreachable(_ desired: DesiredTenant, _ failure: AdminFailure) -> TenantOutcome {
        var desired = desired
        let before = self.state.withLock { $0.outcomes[desired.key] }
        if desired.reported.isEmpty { desired.reported = before?.conditions ?? [] }
        let assessment = Assessment(
            desired: desired,
            situation: Situation(),
            plan: Plan(),
            failure: .admin(failure),
            now: self.settings.now()
        )
        var outcome = TenantOutcome(
            key: desired.key,
            name: desired.name,
            place: desired.place,
            observedGeneration: desired.generation,
            conditions: assessment.conditions
        )
        // Certificates do not end later because the server is away.
        outcome.certificateEnds = before?.certificateEnds
        outcome.certificateRenews = before?.certificateRenews
        return outcome
    }

    private func finish(_ outcome: TenantOutcome, failure: StepFailure?) {
        self.state.withLock { state in
            state.finish(
                outcome,
                failure: failure,
                at: self.settings.monotonicNanoseconds(),
                settings: self.settings
            )
        }
        self.report(outcome)
    }

    private func report(_ outcome: TenantOutcome) {
        self.state.withLock { $0.outcomes[outcome.key] = outcome }
        do throws(SourceFailure) {
            try self.source.report(outcome)
        } catch {
            self.tell(.reportFailed(outcome.key, error))
        }
    }

    private func failed(_ problem: ReconcilerProblem) {
        self.state.withLock { state in
            state.failed(
                problem,
                at: self.settings.monotonicNanoseconds(),
                settings: self.settings
            )
        }
    }
}

extension Duration {
    /// The length in nanoseconds; longer than 292 years is cut to that.
    var wholeNanoseconds: Int64 {
        let (seconds, attoseconds) = self.components
        let (nanoseconds, overflows) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        return overflows ? .max : nanoseconds + attoseconds / 1_000_000_000
    }
}
