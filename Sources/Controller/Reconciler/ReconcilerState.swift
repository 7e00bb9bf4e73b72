/// Why nothing could be looked at.
package enum ReconcilerProblem: Error, Hashable, Sendable {
    case source(SourceFailure)
    case server(AdminFailure)
}

/// What the reconciler remembers between passes: when to try again, and what it said last.
struct ReconcilerState {
    private struct Retry {
        var failures = 0
        /// Nanoseconds of the monotonic clock.
        var at: Int64 = 0
    }

    private(set) var problem: ReconcilerProblem?
    var outcomes: [DeclarationKey: TenantOutcome] = [:]
    /// Steps that were done, by ``Step/name``.
    var steps: [String: Int64] = [:]
    private(set) var failures: Int64 = 0
    private(set) var passes: Int64 = 0
    /// Seconds since 1970; 0 for never.
    private(set) var lastPass: Int64 = 0
    private(set) var isStandingBy = false
    private(set) var result = PassResult()

    private var retries: [DeclarationKey: Retry] = [:]
    /// What could not be looked at as a whole.
    private var retryAll = Retry()
    private var due: Set<DeclarationKey> = []
    /// When everything was looked at: nanoseconds of the monotonic clock.
    private var lastComplete: Int64 = 0

    /// Declarations whose last attempt failed.
    var failing: Set<DeclarationKey> { Set(self.retries.keys) }

    /// Notes that another controller acts now. What this one said would be out of date.
    mutating func standBy() {
        self.isStandingBy = true
        self.outcomes = [:]
        self.retries = [:]
    }

    /// Forgets declarations that are not there any more.
    mutating func keep(_ keys: Set<DeclarationKey>) {
        self.outcomes = self.outcomes.filter { keys.contains($0.key) }
        self.retries = self.retries.filter { keys.contains($0.key) }
    }

    mutating func failed(
        _ problem: ReconcilerProblem,
        at now: Int64,
        settings: ReconcilerSettings
    ) {
        self.isStandingBy = false
        self.problem = problem
        self.failures += 1
        Self.postpone(&self.retryAll, from: now, settings)
    }

    private static func postpone(
        _ retry: inout Retry,
        from now: Int64,
        _ settings: ReconcilerSettings
    ) {
        retry.failures += 1
        let pause = settings.retry.pause(
            afterFailures: retry.failures,
            random: settings.random()
        )
        retry.at = now + pause.wholeNanoseconds
    }

    mutating func finish(
        _ outcome: TenantOutcome,
        failure: StepFailure?,
        at now: Int64,
        settings: ReconcilerSettings
    ) {
        self.outcomes[outcome.key] = outcome
        if failure != nil { self.failures += 1 }
        // A name comes free without anybody saying so.
        let waits = outcome.conditions[.provisioned]?.reason == .nameBeingErased
        guard failure != nil || waits else {
            self.retries[outcome.key] = nil
            return
        }
        Self.postpone(&self.retries[outcome.key, default: Retry()], from: now, settings)
    }

    /// Notes that declarations were looked at.
    /// - Parameters:
    ///   - monotonic: nanoseconds of the monotonic clock.
    ///   - now: seconds since 1970.
    mutating func passed(
        isComplete: Bool,
        declarations: Int,
        at monotonic: Int64,
        now: Int64
    ) -> PassResult {
        self.isStandingBy = false
        self.problem = nil
        self.retryAll = Retry()
        if isComplete {
            self.passes += 1
            self.lastPass = now
            self.lastComplete = monotonic
        }
        self.result = PassResult()
        self.result.declarations = declarations
        self.result.ready = self.outcomes.values.count { $0.isReady || $0.isRemovalDone }
        self.result.notReady = self.outcomes.count - self.result.ready
        self.result.failures = self.retries.count
        return self.result
    }

    // MARK: When to look again

    /// Has declarations looked at next.
    mutating func noteDue(_ keys: Set<DeclarationKey>) {
        self.due.formUnion(keys)
    }

    mutating func takeDue(at now: Int64) -> Set<DeclarationKey> {
        defer { self.due = [] }
        return self.due.union(self.retries.filter { $0.value.at <= now }.keys)
    }

    /// How long nothing needs to be looked at, and whether everything does then.
    func wait(
        from now: Int64,
        resyncNanoseconds: Int64
    ) -> (nanoseconds: Int64, isResync: Bool) {
        if self.problem != nil { return (max(0, self.retryAll.at - now), true) }
        if self.isStandingBy { return (min(resyncNanoseconds, Self.standByNanoseconds), true) }
        let resync = max(0, self.lastComplete + resyncNanoseconds - now)
        let retry = self.retries.values.map { max(0, $0.at - now) }.min() ?? .max
        return retry < resync ? (retry, false) : (resync, true)
    }

    /// How often it is asked whether this controller is to act.
    private static let standByNanoseconds: Int64 = 1_000_000_000
}
