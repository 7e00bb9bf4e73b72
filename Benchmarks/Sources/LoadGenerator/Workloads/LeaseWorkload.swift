/// Leases: granted, renewed, revoked.
package struct LeaseWorkload: Workload {
    package static let name = "lease"
    package static let summary = "grants, renews and revokes leases"
    package static let columns = [
        "grant.per_second", "grant.p99_us", "renew.per_second", "renew.p99_us",
        "revoke.per_second", "revoke.p99_us", "server.cpu_us_per_operation",
    ]

    private let shape: LoadShape

    package init(_ options: Options) throws(Failure) {
        self.shape = try options.shape()
    }

    package func measure(_ host: Host) throws(Failure) -> Metrics {
        try LoadRun(host, self.shape)
            .measure(kinds: LeaseSource.kinds) { _ in LeaseSource() }
    }
}

/// Grants a lease, renews it, revokes it; each lane for itself.
package final class LeaseSource: Source {
    package static let kinds = ["grant", "renew", "revoke"]
    /// What a kube-apiserver asks for events: an hour and a minute.
    private static let seconds: Int64 = 3_660
    private static let nothing: Int64 = 0

    package init() {}

    package func prepare(_ call: Call) -> Bool {
        call.keepsMessages = true
        // `note` is the lane's lease.
        if call.note == Self.nothing {
            call.kind = 0
            call.method = .leaseGrant
            Requests.leaseGrant(seconds: Self.seconds, into: &call.request)
        } else if call.kind == 0 {
            call.kind = 1
            call.method = .leaseKeepAlive
            Requests.lease(call.note, into: &call.request)
        } else {
            call.kind = 2
            call.method = .leaseRevoke
            Requests.lease(call.note, into: &call.request)
        }
        return true
    }

    package func received(_ message: UnsafeRawBufferPointer, _ call: Call) {
        if call.kind == 0 { call.note = Answers.lease(message) }
    }

    package func outcome(of call: Call) -> Recorder.Outcome {
        if call.kind == 2 { call.note = Self.nothing }
        return .succeeded
    }
}
