import Controller
import Synchronization
import Testing

@Suite
struct StandByTests {
    /// One declaration, of a controller that may or may not be the one to act.
    private final class Source: TenantSource {
        let leads = Mutex(true)
        let owner = "test"
        let goneMeansRemoved = false
        var isLeading: Bool { self.leads.withLock { $0 } }

        func declarations() -> [DesiredTenant] { [declared()] }
        func start(_ wakeup: Wakeup) {}
        func stop() {}
        func report(_ outcome: TenantOutcome) {}
    }

    @Test
    func whoStandsBySaysNothingOfTenants() {
        let source = Source()
        var settings = ReconcilerSettings(
            now: { 0 },
            monotonicNanoseconds: { 0 },
            random: { 0 },
            password: { "" }
        )
        settings.attemptsMax = 1
        let reconciler = Reconciler(
            source: source,
            sink: nil,
            authorityDirectory: nil,
            connect: { () throws(AdminFailure) in throw .unreachable("away") },
            settings: settings,
            tell: { _ in }
        )
        #expect(reconciler.runOnce() == nil)
        #expect(reconciler.status.outcomes.map(\.isReady) == [false])
        source.leads.withLock { $0 = false }
        #expect(reconciler.runOnce() == nil)
        #expect(reconciler.status.outcomes.isEmpty)
        #expect(reconciler.status.isStandingBy)
    }
}
