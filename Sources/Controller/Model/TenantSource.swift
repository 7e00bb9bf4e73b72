/// Where desired tenants come from, and where it is said how it went: files, or objects of Kubernetes.
///
/// Calls block and come from any thread; reports from several at once.
package protocol TenantSource: Sendable {
    /// What the controller calls itself in the tenants that it owns (``TenantOwnership/owner``): the
    /// same on every machine that has these declarations, and different for different ones.
    var owner: String { get }

    /// Whether a tenant of this owner that nothing declares any more is to be removed by the policy
    /// recorded in it. False where declarations say themselves that they are removed
    /// (``DesiredTenant/isRemoved``).
    var goneMeansRemoved: Bool { get }

    /// Whether this controller is the one to act now, of several with the same source. Asked before
    /// every step.
    var isLeading: Bool { get }

    /// All that is declared now: one consistent reading, names unique.
    /// - Throws: ``SourceFailure`` when anything in it is wrong; then nothing at all is changed.
    func declarations() throws(SourceFailure) -> [DesiredTenant]

    /// Begins to tell about changes, from threads of its own, until ``stop()``.
    func start(_ wakeup: Wakeup)

    /// Ends what ``start(_:)`` began, and waits for it.
    func stop()

    /// Takes what became of a declaration. Called after each time it was looked at; must be cheap
    /// when nothing is different.
    func report(_ outcome: TenantOutcome) throws(SourceFailure)
}

/// Why declarations cannot be read or reported about.
package enum SourceFailure: Error, Hashable, Sendable {
    /// A declaration is wrong; each line names the place: `tenants.yaml:3:5: unknown key "quote"`.
    case invalid([String])
    /// They cannot be reached now: tried again.
    case unavailable(String)
}
