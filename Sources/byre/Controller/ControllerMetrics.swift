import Controller

/// The controller's metrics, in Prometheus' text format.
enum ControllerMetrics {
    private static let prefix = "byre_controller_"

    static func text(_ status: ReconcilerStatus) -> String {
        var text = MetricsText()
        text.add(
            .counter,
            self.prefix + "passes_total",
            "Times that everything was looked at.",
            Int(status.passes)
        )
        text.add(
            .counter,
            self.prefix + "failures_total",
            "Attempts that failed and were or will be made again.",
            Int(status.failures)
        )
        text.add(
            .counter,
            self.prefix + "steps_total",
            "Steps that were done.",
            status.steps.map { ([("step", $0.name)], Int($0.count)) }
        )
        text.add(
            .gauge,
            self.prefix + "last_pass_timestamp_seconds",
            "When everything was looked at last, in seconds since 1970; 0 for never.",
            Int(status.lastPass)
        )
        let isInvalid =
            if case .source(.invalid) = status.problem { true } else { false }
        text.add(
            .gauge,
            self.prefix + "declarations_valid",
            "Whether the declarations can be followed.",
            isInvalid ? 0 : 1
        )
        let isUnreachable = if case .server = status.problem { true } else { false }
        text.add(
            .gauge,
            self.prefix + "server_reachable",
            "Whether the server answered when it was asked last.",
            isUnreachable ? 0 : 1
        )
        text.add(
            .gauge,
            self.prefix + "leading",
            "Whether this controller is the one that acts.",
            status.isStandingBy ? 0 : 1
        )
        self.addConditions(status, to: &text)
        self.addCertificates(status, to: &text)
        return text.text
    }

    private static func addConditions(_ status: ReconcilerStatus, to text: inout MetricsText) {
        text.add(
            .gauge,
            self.prefix + "tenant_condition",
            "1 for the status that a condition of a tenant has.",
            status.outcomes.flatMap { outcome in
                outcome.conditions.map { condition in
                    (
                        [
                            ("tenant", outcome.name), ("condition", condition.kind.rawValue),
                            ("status", condition.status.rawValue),
                            ("reason", condition.reason.rawValue),
                        ],
                        1
                    )
                }
            }
        )
    }

    private static func addCertificates(_ status: ReconcilerStatus, to text: inout MetricsText) {
        text.add(
            .gauge,
            self.prefix + "certificate_expiry_timestamp_seconds",
            "When the certificate of a tenant's clients ends, in seconds since 1970.",
            status.outcomes.compactMap { outcome in
                outcome.certificateEnds.map { ([("tenant", outcome.name)], Int($0)) }
            }
        )
        text.add(
            .gauge,
            self.prefix + "certificate_renewal_timestamp_seconds",
            "When the certificate of a tenant's clients is to be renewed, in seconds since 1970.",
            status.outcomes.compactMap { outcome in
                outcome.certificateRenews.map { ([("tenant", outcome.name)], Int($0)) }
            }
        )
        let ends: Int
        switch status.authority {
        case .usable(let seconds, _): ends = Int(seconds)
        case .missing: ends = 0
        }
        text.add(
            .gauge,
            self.prefix + "authority_expiry_timestamp_seconds",
            "When the authority ends, in seconds since 1970; 0 when there is none to issue with.",
            ends
        )
    }
}
