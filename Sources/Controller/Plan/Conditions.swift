import ByreCore

/// What stopped the steps of a plan.
package enum StepFailure: Error, Hashable, Sendable {
    case admin(AdminFailure)
    case sink(SinkFailure)
    /// A certificate or a password cannot be made.
    case issuing(String)
    /// This controller is no longer the one to act.
    case notLeading
}

/// What is to be said about a declaration once its steps are done, or were stopped.
struct Assessment {
    let desired: DesiredTenant
    let situation: Situation
    /// What is left to do.
    let plan: Plan
    let failure: StepFailure?
    let now: Int64

    /// One condition of each kind.
    var conditions: [Condition] {
        let provisioned = self.provisioned
        let certificate = self.certificate(after: provisioned)
        let ready: Condition
        if let first = [provisioned, certificate].first(where: { $0.status != .yes }) {
            ready = self.condition(.ready, first.status, first.reason, first.message)
        } else {
            ready = self.condition(.ready, .yes, .ready, "the tenant is as declared")
        }
        return [ready, provisioned, certificate, self.quota]
            .continuing(self.desired.reported)
    }

    private func condition(
        _ kind: Condition.Kind,
        _ status: Condition.Status,
        _ reason: Condition.Reason,
        _ message: String
    ) -> Condition {
        Condition(
            kind,
            status,
            reason,
            message,
            lastTransition: self.now,
            observedGeneration: self.desired.generation
        )
    }

    private func obstacle(_ kind: Condition.Kind) -> Condition? {
        let found = self.plan.obstacles.filter { $0.kind == kind }
        guard let first = found.first else { return nil }
        return self.condition(
            kind,
            .no,
            first.reason,
            found.map(\.message).joined(separator: "; ")
        )
    }

    private func remaining(_ kind: Condition.Kind) -> Condition? {
        let steps = self.plan.steps.filter { $0.side == kind }
        guard !steps.isEmpty else { return nil }
        let names = steps.map(\.description).joined(separator: "; ")
        return self.condition(kind, .no, .progressing, "still to do: \(names)")
    }

    private var provisioned: Condition {
        switch self.failure {
        case .admin(.unreachable(let message)):
            return self.condition(.provisioned, .unknown, .serverUnreachable, message)
        case .admin(.denied(let message)):
            return self.condition(.provisioned, .no, .denied, message)
        case .admin(.refused(let message)):
            let isReader = self.plan.steps.contains {
                if case .setSQLReaders = $0 { true } else { false }
            }
            // Every other step comes before it, and is done.
            let isOnly = self.plan.steps.allSatisfy { step in
                switch step {
                case .setSQLReaders, .issueCertificate, .storeCredentials: true
                default: false
                }
            }
            let reason: Condition.Reason =
                isReader && isOnly ? .sqlReaderUnavailable : .refused
            return self.condition(.provisioned, .no, reason, message)
        case .admin(.conflict(let message)):
            return self.condition(.provisioned, .no, .progressing, message)
        case .sink(let failure) where self.plan == Plan():
            // Nobody has looked any further: there may be no tenant at all.
            return self.condition(.provisioned, .no, .sinkUnavailable, failure.description)
        case .sink, .issuing, .notLeading, nil: break
        }
        if let obstacle = self.obstacle(.provisioned) { return obstacle }
        if self.desired.isRemoved {
            let isDeleting = self.desired.deletionPolicy == .delete
            return self.condition(
                .provisioned,
                .no,
                isDeleting ? .deleting : .released,
                isDeleting ? "the tenant is deleted" : "the tenant stays, and is nobody's"
            )
        }
        return self.remaining(.provisioned)
            ?? self.condition(.provisioned, .yes, .provisioned, "the tenant is as declared")
    }

    private func certificate(after provisioned: Condition) -> Condition {
        guard self.desired.credentials != nil, !self.desired.isRemoved else {
            return self.condition(.certificateIssued, .yes, .notRequested, "none is asked for")
        }
        switch self.failure {
        case .sink(.unavailable(let message)):
            return self.condition(.certificateIssued, .no, .sinkUnavailable, message)
        case .issuing(let message):
            return self.condition(.certificateIssued, .no, .authorityMissing, message)
        default: break
        }
        if let obstacle = self.obstacle(.certificateIssued) { return obstacle }
        if let remaining = self.remaining(.certificateIssued) { return remaining }
        guard case .present = self.situation.certificate else {
            return self.condition(
                .certificateIssued,
                provisioned.status == .unknown ? .unknown : .no,
                .waiting,
                "waits for the tenant"
            )
        }
        return self.condition(
            .certificateIssued,
            .yes,
            .issued,
            "clients have a certificate of the tenant"
        )
    }

    private var quota: Condition {
        guard let tenant = self.situation.tenant else {
            return self.condition(.quotaOK, .unknown, .waiting, "there is no tenant yet")
        }
        let usage = tenant.usage
        let limits = tenant.settings.limits
        if usage.alarms.contains("NOSPACE") {
            return self.condition(
                .quotaOK,
                .no,
                .spaceExceeded,
                "the tenant has used up its bytes: clients can create nothing"
            )
        }
        if let bytes = limits.bytes, usage.usedBytes >= bytes {
            return self.condition(
                .quotaOK,
                .no,
                .spaceExceeded,
                "the tenant uses as many bytes as it may"
            )
        }
        if let keys = limits.keys, usage.keys >= keys {
            return self.condition(
                .quotaOK,
                .no,
                .keysExceeded,
                "the tenant has as many keys as it may"
            )
        }
        return self.condition(.quotaOK, .yes, .withinLimits, "the tenant is within its limits")
    }
}
