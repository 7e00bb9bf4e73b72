import Controller

/// The controller's status and plans for people.
enum ControllerText {
    static func plans(_ plans: [PlannedTenant]) -> String {
        var lines: [String] = []
        for planned in plans {
            lines += planned.plan.steps.map { "\(planned.name): would \($0)" }
            lines += planned.plan.obstacles.map { "\(planned.name): cannot: \($0.message)" }
            if let failure = planned.failure {
                lines.append("\(planned.name): cannot be looked at: \(failure)")
            }
        }
        if lines.isEmpty { lines = ["nothing is to be done"] }
        return lines.map { $0 + "\n" }.joined()
    }

    static func status(_ status: ReconcilerStatus) -> String {
        guard !status.outcomes.isEmpty else { return "" }
        var table = TextTable([("TENANT", .left), ("READY", .left), ("WHY", .left)])
        for outcome in status.outcomes {
            let ready = outcome.conditions[.ready]
            let why =
                outcome.isReady ? "" : "\(ready?.reason.rawValue ?? ""): \(ready?.message ?? "")"
            table.add([outcome.name, ready?.status.rawValue ?? "Unknown", why])
        }
        return table.text
    }
}
