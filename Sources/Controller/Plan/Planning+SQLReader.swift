// Which roles of PostgreSQL are to read the tenant.
//
// Roles that were given a password through Byre are a controller's; the others are an administrator's
// and stay.
extension Planning {
    mutating func planSQLReader() {
        guard let request = self.desired.sqlReader else {
            self.planWithoutSQLReader()
            if self.situation.stored?.credentials.sqlLogin != nil {
                self.plan.steps.append(.forgetPassword)
            }
            return
        }
        let hasPassword = self.situation.stored?.credentials.sqlLogin?.role == request.role
        switch self.situation.sqlReaders {
        case .impossible:
            self.obstacle(
                .provisioned,
                .sqlReaderUnavailable,
                "an SQL reader needs a store in PostgreSQL"
            )
            return
        case .notAsked:
            // The tenant is still to be made.
            if !hasPassword { self.plan.steps.append(.makePassword(role: request.role)) }
            self.plan.steps.append(.setSQLReaders([request.role], passwordOf: request.role))
        case .present(let readers):
            let present = readers.first { $0.role == request.role }
            let others = readers.filter { $0.role != request.role }
            let kept = others.filter { $0.verifierDigest == nil }
            let isSet =
                hasPassword && present?.verifierDigest != nil
                && present?.verifierDigest == self.situation.passwordDigest
            if isSet, kept.count == others.count { return }
            if !hasPassword { self.plan.steps.append(.makePassword(role: request.role)) }
            self.plan.steps.append(
                .setSQLReaders(
                    (kept.map(\.role) + [request.role]).sorted(),
                    passwordOf: isSet ? nil : request.role
                )
            )
        }
    }

    /// Takes a controller's reader away, if there is one.
    mutating func planWithoutSQLReader() {
        guard case .present(let readers) = self.situation.sqlReaders else { return }
        let kept = readers.filter { $0.verifierDigest == nil }
        guard kept.count < readers.count else { return }
        self.plan.steps.append(.setSQLReaders(kept.map(\.role).sorted(), passwordOf: nil))
    }
}
