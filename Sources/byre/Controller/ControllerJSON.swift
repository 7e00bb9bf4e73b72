import ByreCore
import Controller
import FoundationEssentials

/// The controller's status and plans as scripts read them. Fields are added, never renamed.
enum ControllerJSON {
    struct Status: Encodable {
        let tenants: [Tenant]
        /// Why nothing could be looked at lately.
        let problem: String?
        /// When everything was looked at.
        let lastPass: String?
        let authority: Authority

        init(_ status: ReconcilerStatus) {
            self.tenants = status.outcomes.map(Tenant.init)
            self.problem = status.problem.map { "\($0)" }
            self.lastPass = status.lastPass == 0 ? nil : TenantText.time(status.lastPass)
            self.authority = Authority(status.authority)
        }
    }

    struct Authority: Encodable {
        let notAfter: String?
        let problem: String?

        init(_ issuer: Situation.Issuer) {
            switch issuer {
            case .usable(let ends, _):
                self.notAfter = TenantText.time(ends)
                self.problem = nil
            case .missing(let problem):
                self.notAfter = nil
                self.problem = problem
            }
        }
    }

    struct Tenant: Encodable {
        let name: String
        let place: String
        let ready: Bool
        let conditions: [Condition]
        let uid: String?
        let generation: Int64?
        let usage: Usage?
        let certificateNotAfter: String?
        let certificateRenewal: String?
        /// What was done the last time.
        let done: [String]

        init(_ outcome: TenantOutcome) {
            self.name = outcome.name
            self.place = outcome.place
            self.ready = outcome.isReady
            self.conditions = outcome.conditions.map(Condition.init)
            self.uid = outcome.tenant?.uid
            self.generation = outcome.tenant?.generation
            self.usage = outcome.tenant.map { Usage($0.usage) }
            self.certificateNotAfter = outcome.certificateEnds.map(TenantText.time)
            self.certificateRenewal = outcome.certificateRenews.map(TenantText.time)
            self.done = outcome.done
        }
    }

    /// As metav1.Condition has it.
    struct Condition: Encodable {
        let type: String
        let status: String
        let reason: String
        let message: String
        let lastTransitionTime: String
        let observedGeneration: Int64

        init(_ condition: Controller.Condition) {
            self.type = condition.kind.rawValue
            self.status = condition.status.rawValue
            self.reason = condition.reason.rawValue
            self.message = condition.message
            self.lastTransitionTime = TenantText.time(condition.lastTransition)
            self.observedGeneration = condition.observedGeneration
        }
    }

    struct Usage: Encodable {
        let usedBytes: Int64
        let keys: Int64
        let revision: Int64

        init(_ usage: TenantUsage) {
            self.usedBytes = usage.usedBytes
            self.keys = usage.keys
            self.revision = usage.revision
        }
    }

    struct Plans: Encodable {
        let tenants: [Plan]

        init(_ plans: [PlannedTenant]) {
            self.tenants = plans.map(Plan.init)
        }
    }

    struct Plan: Encodable {
        let name: String
        let place: String
        let steps: [String]
        let obstacles: [String]
        let error: String?

        init(_ planned: PlannedTenant) {
            self.name = planned.name
            self.place = planned.place
            self.steps = planned.plan.steps.map(\.description)
            self.obstacles = planned.plan.obstacles.map(\.message)
            self.error = planned.failure.map { "\($0)" }
        }
    }
}
