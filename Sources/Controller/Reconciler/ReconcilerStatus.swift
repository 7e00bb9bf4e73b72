/// How things are with the reconciler at one moment, for people and for metrics.
package struct ReconcilerStatus: Sendable {
    /// By key.
    package let outcomes: [TenantOutcome]
    /// Why nothing could be looked at lately; nil when it could.
    package let problem: ReconcilerProblem?
    package let authority: Situation.Issuer
    package let passes: Int64
    /// Attempts that failed.
    package let failures: Int64
    /// Steps that were done, by ``Step/name``: all names.
    package let steps: [(name: String, count: Int64)]
    /// When everything was looked at, in seconds since 1970; 0 for never.
    package let lastPass: Int64
    /// Whether another controller acts now.
    package let isStandingBy: Bool

    init(_ state: ReconcilerState, authority: Situation.Issuer) {
        self.outcomes = state.outcomes.values.sorted { $0.key < $1.key }
        self.problem = state.problem
        self.authority = authority
        self.passes = state.passes
        self.failures = state.failures
        self.steps = Step.names.map { ($0, state.steps[$0] ?? 0) }
        self.lastPass = state.lastPass
        self.isStandingBy = state.isStandingBy
    }
}
