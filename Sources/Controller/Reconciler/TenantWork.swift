import ByreCore
import TLS

/// One declaration being worked on by one thread.
struct TenantWork {
    let desired: DesiredTenant
    let admin: any TenantAdmin
    let source: any TenantSource
    let sink: (any CredentialSink)?
    let issuer: CertificateIssuer
    let settings: ReconcilerSettings
    let tell: @Sendable (ReconcilerEvent) -> Void

    /// The tenant as the server had it last.
    private(set) var tenant: ActualTenant?
    private(set) var situation = Situation()
    private(set) var plan = Plan()
    private(set) var done: [Step] = []

    init(
        _ desired: DesiredTenant,
        tenant: ActualTenant?,
        admin: any TenantAdmin,
        source: any TenantSource,
        sink: (any CredentialSink)?,
        issuer: CertificateIssuer,
        settings: ReconcilerSettings,
        tell: @escaping @Sendable (ReconcilerEvent) -> Void
    ) {
        self.desired = desired
        self.tenant = tenant
        self.admin = admin
        self.source = source
        self.sink = sink
        self.issuer = issuer
        self.settings = settings
        self.tell = tell
    }

    /// Does what there is to do, until nothing is left or something fails.
    mutating func run() -> StepFailure? {
        do throws(StepFailure) {
            for round in 1...ReconcilerSettings.roundsMax {
                try self.look()
                if self.plan.steps.isEmpty { return nil }
                do throws(StepFailure) {
                    for step in self.plan.steps {
                        guard self.source.isLeading else { throw .notLeading }
                        self.tell(.begins(self.desired.key, step))
                        try self.execute(step)
                        self.done.append(step)
                        self.tell(.did(self.desired.key, step))
                    }
                } catch {
                    // Somebody else was there first: what they left is looked at.
                    switch error {
                    case .admin(.conflict), .sink(.conflict):
                        guard round < ReconcilerSettings.roundsMax else { throw error }
                    default: throw error
                    }
                }
                self.tenant = try Self.asking { () throws(AdminFailure) in
                    try self.admin.tenant(named: self.desired.name)
                }
            }
            try self.look()
            guard !self.plan.steps.isEmpty else { return nil }
            throw .admin(.conflict("something else changes the tenant again and again"))
        } catch {
            self.tell(.failed(self.desired.key, error))
            return error
        }
    }

    private static func asking<R>(
        _ body: () throws(AdminFailure) -> R
    ) throws(StepFailure) -> R {
        do {
            return try body()
        } catch {
            throw .admin(error)
        }
    }

    private static func storing<R>(
        _ body: () throws(SinkFailure) -> R
    ) throws(StepFailure) -> R {
        do {
            return try body()
        } catch {
            throw .sink(error)
        }
    }

    /// What became of the declaration.
    func outcome(_ failure: StepFailure?) -> TenantOutcome {
        let assessment = Assessment(
            desired: self.desired,
            situation: self.situation,
            plan: self.plan,
            failure: failure,
            now: self.settings.now()
        )
        var outcome = TenantOutcome(
            key: self.desired.key,
            name: self.desired.name,
            place: self.desired.place,
            observedGeneration: self.desired.generation,
            conditions: assessment.conditions
        )
        outcome.tenant = self.tenant
        if case .present(let certificate, _) = self.situation.certificate,
            let request = self.desired.credentials
        {
            outcome.certificateEnds = certificate.notAfter
            outcome.certificateRenews = Renewal.time(
                of: certificate,
                lifetimeSeconds: request.lifetimeSeconds
            )
        }
        outcome.done = self.done.map(\.description)
        outcome.isRemovalDone = self.desired.isRemoved && failure == nil
        return outcome
    }

    // MARK: Looking

    /// Finds out how things are, and plans.
    mutating func look() throws(StepFailure) {
        var situation = Situation()
        situation.tenant = self.tenant
        let wantsCredentials = self.desired.credentials != nil || self.desired.sqlReader != nil
        if let sink = self.sink {
            let stored = try Self.storing { () throws(SinkFailure) in
                try sink.read(for: self.desired)
            }
            situation.stored = stored
            if let login = stored.credentials.sqlLogin {
                situation.passwordDigest = try Self.verifier(login).digest
            }
        } else if wantsCredentials {
            throw .sink(.unavailable("no place for credentials is configured"))
        }
        self.issuer.describe(&situation)
        let isConcerned =
            self.desired.sqlReader != nil || situation.stored?.credentials.sqlLogin != nil
        if let tenant = self.tenant, isConcerned {
            situation.sqlReaders = try self.sqlReaders(tenant)
        }
        self.situation = situation
        self.plan = Controller.plan(
            for: self.desired,
            in: situation,
            owner: self.source.owner,
            now: self.settings.now()
        )
    }

    private func sqlReaders(_ tenant: ActualTenant) throws(StepFailure) -> Situation.SQLReaders {
        if case .erasing = tenant.stage { return .notAsked }
        let readers = try Self.asking { () throws(AdminFailure) in
            try self.admin.sqlReaders(of: tenant.uid)
        }
        return readers.map(Situation.SQLReaders.present) ?? .impossible
    }

    private static func verifier(
        _ login: Credentials.SQLLogin
    ) throws(StepFailure) -> ScramVerifier {
        do {
            return try ScramVerifier(password: login.password, role: login.role)
        } catch {
            throw .issuing("a password's verifier cannot be made: \(error)")
        }
    }

    // MARK: Doing

    /// The tenant that steps are about, which an earlier step may have made.
    private func present() throws(StepFailure) -> ActualTenant {
        guard let tenant = self.tenant else {
            throw .admin(.conflict("the tenant is gone"))
        }
        return tenant
    }

    private mutating func execute(_ step: Step) throws(StepFailure) {
        let admin = self.admin
        switch step {
        case .create(let tenant):
            try self.change { _ throws(AdminFailure) in try admin.create(tenant) }
        case .undelete:
            try self.changePresent { tenant throws(AdminFailure) in
                try admin.undelete(tenant.uid, ifGeneration: tenant.generation)
            }
        case .update(let settings, _):
            try self.changePresent { tenant throws(AdminFailure) in
                try admin.update(tenant.uid, to: settings, ifGeneration: tenant.generation)
            }
        case .suspend:
            try self.changePresent { tenant throws(AdminFailure) in
                try admin.suspend(tenant.uid, ifGeneration: tenant.generation)
            }
        case .resume:
            try self.changePresent { tenant throws(AdminFailure) in
                try admin.resume(tenant.uid, ifGeneration: tenant.generation)
            }
        case .release:
            try self.changePresent { tenant throws(AdminFailure) in
                var settings = tenant.settings
                settings.ownership = nil
                return try admin.update(
                    tenant.uid,
                    to: settings,
                    ifGeneration: tenant.generation
                )
            }
        case .delete(let graceSeconds):
            try self.changePresent { tenant throws(AdminFailure) in
                try admin.delete(
                    tenant.uid,
                    graceSeconds: graceSeconds,
                    ifGeneration: tenant.generation
                )
            }
        case .setSQLReaders(let roles, let role): try self.setSQLReaders(roles, passwordOf: role)
        case .issueCertificate: try self.issueCertificate()
        case .makePassword(let role):
            let login = Credentials.SQLLogin(role: role, password: self.settings.password())
            try self.store { $0.sqlLogin = login }
        case .forgetPassword: try self.store { $0.sqlLogin = nil }
        case .storeCredentials:
            let authority = self.authorityCertificate
            try self.store { credentials in
                if let authority { credentials.keyPair?.authority = authority }
            }
        case .removeCredentials:
            guard let sink = self.sink else { return }
            try Self.storing { () throws(SinkFailure) in try sink.remove(for: self.desired) }
        }
    }

    private mutating func change(
        _ body: (ActualTenant?) throws(AdminFailure) -> ActualTenant
    ) throws(StepFailure) {
        let before = self.tenant
        var after = try Self.asking { () throws(AdminFailure) in try body(before) }
        // Answers of changes do not tell what is used.
        after.usage = before?.usage ?? after.usage
        self.tenant = after
    }

    private mutating func changePresent(
        _ body: (ActualTenant) throws(AdminFailure) -> ActualTenant
    ) throws(StepFailure) {
        let present = try self.present()
        try self.change { _ throws(AdminFailure) in try body(present) }
    }

    private func setSQLReaders(
        _ roles: [String],
        passwordOf role: String?
    ) throws(StepFailure) {
        var verifiers: [String: String] = [:]
        if let role {
            // What is stored by now, which may be another controller's.
            guard let login = self.situation.stored?.credentials.sqlLogin, login.role == role
            else { throw .sink(.conflict) }
            verifiers[role] = try Self.verifier(login).text
        }
        let tenant = try self.present()
        try Self.asking { () throws(AdminFailure) in
            try self.admin.setSQLReaders(of: tenant.uid, to: roles, verifiers: verifiers)
        }
    }

    // MARK: Credentials

    private var authorityCertificate: [UInt8]? {
        guard case .usable(_, let certificate) = self.situation.issuer else { return nil }
        return certificate
    }

    private mutating func issueCertificate() throws(StepFailure) {
        guard let request = self.desired.credentials else { return }
        let tenant = try self.present()
        let keyPair: Credentials.KeyPair
        do {
            keyPair = try self.issuer.issue(to: tenant, request)
        } catch {
            throw .issuing("\(error)")
        }
        try self.store { $0.keyPair = keyPair }
    }

    /// Stores credentials that differ from those that were read, and reads them again.
    private mutating func store(
        _ edit: (inout Credentials) -> Void
    ) throws(StepFailure) {
        guard let sink = self.sink, let stored = self.situation.stored else {
            throw .sink(.unavailable("no place for credentials is configured"))
        }
        var credentials = stored.credentials
        edit(&credentials)
        credentials.endpoints = self.desired.credentials?.endpoints ?? credentials.endpoints
        let desired = self.desired
        self.situation.stored = try Self.storing { () throws(SinkFailure) in
            try sink.write(credentials, for: desired, replacing: stored.version)
            return try sink.read(for: desired)
        }
    }
}
