import ByreCore
import Tenancy
import Testing

@Suite struct TenantAdmissionTests {
    private static func limits(_ set: (inout TenantLimits) -> Void) -> TenantLimits {
        var limits = TenantLimits()
        set(&limits)
        return limits
    }

    @Test func withoutLimitsNobodyIsAskedAnything() {
        let admission = TenantAdmission()
        #expect(!admission.isMetered && !admission.isInFlightLimited)
        admission.apply(Self.limits { $0.keys = 1 })
        #expect(!admission.isMetered && !admission.isInFlightLimited)
        #expect((0..<100).allSatisfy { _ in admission.connectionOpened() })
    }

    @Test func whatIsDoneIsCountedWithLimitsAndWithout() {
        let admission = TenantAdmission()
        for (cost, meter) in zip([3, 4, 5], AdmissionQueue.Meter.allCases) {
            admission.did(cost, of: meter)
            admission.did(1, of: meter)
        }
        #expect(AdmissionQueue.Meter.allCases.map(admission.done) == [4, 5, 6])
        admission.callBeganUnlimited()
        admission.callBeganUnlimited()
        // A limit that comes now counts for those that begin after it.
        admission.apply(Self.limits { $0.inFlight = 1 })
        #expect(admission.callBegan())
        #expect(admission.inFlight == 3)
        admission.callEndedUnlimited()
        admission.callEnded()
        #expect(admission.inFlight == 1)
    }

    @Test(arguments: [0, 1, 3] as [Int64])
    func callsInFlightAreLimited(limit: Int64) {
        let admission = TenantAdmission()
        admission.apply(Self.limits { $0.inFlight = limit })
        #expect(admission.isInFlightLimited)
        for _ in 0..<limit { #expect(admission.callBegan()) }
        #expect(!admission.callBegan())
        if limit > 0 {
            admission.callEnded()
            #expect(admission.callBegan())
            #expect(!admission.callBegan())
        }
        #expect(admission.counts.refused == (limit > 0 ? 2 : 1))
        // More are let in as soon as more may be.
        admission.apply(Self.limits { $0.inFlight = limit + 1 })
        #expect(admission.callBegan())
        #expect(!admission.callBegan())
    }

    @Test(arguments: [0, 1, 3] as [Int64])
    func connectionsAreLimited(limit: Int64) {
        let admission = TenantAdmission()
        admission.apply(Self.limits { $0.connections = limit })
        for _ in 0..<limit { #expect(admission.connectionOpened()) }
        #expect(!admission.connectionOpened())
        #expect(admission.connections == limit)
        #expect(admission.counts.connectionsRefused == 1)
        guard limit > 0 else { return }
        admission.connectionClosed()
        #expect(admission.connectionOpened())
        // Fewer: who is in stays in.
        admission.apply(Self.limits { $0.connections = 0 })
        #expect(admission.connections == limit)
        admission.connectionClosed()
        #expect(!admission.connectionOpened())
    }

    @Test(arguments: AdmissionQueue.Meter.allCases)
    func callsAreMeteredAndCounted(meter: AdmissionQueue.Meter) {
        let admission = TenantAdmission()
        admission.apply(
            Self.limits {
                $0.writesPerSecond = 2
                $0.readsPerSecond = 2
                $0.readBytesPerSecond = 2
            }
        )
        #expect(admission.isMetered)
        let decisions = (0..<20).map { _ in
            admission.admit(1, of: meter, heldBytes: 1, now: 0, deadline: .max)
        }
        #expect(decisions.count { $0 == .now } == 2)
        #expect(decisions.count { $0 == .refused } == 8)
        #expect(admission.counts.delayed == 10 && admission.counts.refused == 8)
        #expect(admission.delayedCount == 10)
        for case .later(let delayed) in decisions { admission.leave(delayed, isDone: false) }
        #expect(admission.delayedCount == 0)
        #expect(
            admission.admit(1, of: meter, heldBytes: 0, now: 500_000_000, deadline: .max) == .now
        )
    }
}
