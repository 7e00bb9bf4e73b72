package import Controller

/// What the status of a Tenant says.
package struct TenantStatus: Hashable, Sendable {
    /// A condition as the object has it.
    package struct Entry: Hashable, Sendable {
        package var type: String
        package var status: String
        package var reason: String
        package var message: String
        /// Seconds since 1970.
        package var lastTransition: Int64
        package var observedGeneration: Int64
    }

    /// Characters of a message: what the custom resource allows is more.
    private static let messageCharactersMax = 2_000

    package var observedGeneration: Int64
    package var entries: [Entry]
    /// The tenant on the server; nil while it is not known.
    package var tenant: (name: String, uid: String)?
    package var endpoint: String?
    package var secretName: String?
    /// Seconds since 1970.
    package var certificateEnds: Int64?
    package var certificateRenews: Int64?
    package var usage: Usage?

    /// What the tenant uses.
    package struct Usage: Hashable, Sendable {
        package var bytes: Int64
        package var keys: Int64
        package var revision: Int64
    }

    /// The status that tells an outcome.
    package init(_ outcome: TenantOutcome, of tenant: DesiredTenant) {
        self.observedGeneration = outcome.observedGeneration
        self.entries = outcome.conditions.map { condition in
            Entry(
                type: condition.kind.rawValue,
                status: condition.status.rawValue,
                reason: condition.reason.rawValue,
                // Some versions of API servers take an empty text for none, and refuse it.
                message: condition.message.isEmpty
                    ? condition.reason.rawValue
                    : String(condition.message.prefix(Self.messageCharactersMax)),
                lastTransition: condition.lastTransition,
                observedGeneration: condition.observedGeneration
            )
        }
        self.tenant = outcome.tenant.map { ($0.name, $0.uid) }
        if tenant.credentials != nil || tenant.sqlReader != nil {
            self.secretName = SecretNames(of: tenant).own
        }
        if let credentials = tenant.credentials {
            let endpoints = credentials.endpoints.joined(separator: ",")
            self.endpoint = endpoints.isEmpty ? nil : endpoints
        }
        self.certificateEnds = outcome.certificateEnds
        self.certificateRenews = outcome.certificateRenews
        self.usage = outcome.tenant.map {
            Usage(bytes: $0.usage.usedBytes, keys: $0.usage.keys, revision: $0.usage.revision)
        }
    }

    /// The status of an object that declares nothing that could be done.
    package init(refusing object: TenantObject, reason: String, _ message: String, at now: Int64) {
        let before = Self.entries(in: object.status)
        self.observedGeneration = object.generation
        self.entries = ["Ready", "Provisioned"].map { type in
            let earlier = before.first { $0.type == type && $0.status == "False" }
            return Entry(
                type: type,
                status: "False",
                reason: reason,
                message: String(message.prefix(Self.messageCharactersMax)),
                lastTransition: earlier?.lastTransition ?? now,
                observedGeneration: object.generation
            )
        }
        // What it said of the tenant when the object could be read is still so.
        self.entries += before.filter { ["CertificateIssued", "QuotaOK"].contains($0.type) }
        self.keepTenant(of: object)
        self.secretName = object.status?["secretRef"]?["name"]?.text
        self.endpoint = object.status?["endpoint"]?.text
    }

    /// Goes on saying of the tenant what the object's status says: nobody could look.
    mutating func keepTenant(of object: TenantObject) {
        guard let tenant = object.status?["tenant"], let name = tenant["name"]?.text,
            let uid = tenant["uid"]?.text
        else { return }
        self.tenant = (name, uid)
    }

    /// Whether it says the same, usage aside.
    package func isSame(as other: TenantStatus) -> Bool {
        var copy = other
        copy.usage = self.usage
        return copy == self
    }

    package static func == (a: TenantStatus, b: TenantStatus) -> Bool { a.json == b.json }

    package func hash(into hasher: inout Hasher) { hasher.combine(self.json) }

    /// As the object has it.
    package var json: JSONValue {
        var members: [String: JSONValue] = [
            "observedGeneration": .integer(self.observedGeneration),
            "conditions": .array(self.entries.map(\.json)),
        ]
        if let tenant {
            members["tenant"] = ["name": .string(tenant.name), "uid": .string(tenant.uid)]
        }
        if let endpoint { members["endpoint"] = .string(endpoint) }
        if let secretName { members["secretRef"] = ["name": .string(secretName)] }
        if let certificateEnds {
            var certificate: [String: JSONValue] = [
                "notAfter": .string(WallTime.text(seconds: certificateEnds))
            ]
            certificate["renewAt"] = self.certificateRenews.map {
                .string(WallTime.text(seconds: $0))
            }
            members["certificate"] = .object(certificate)
        }
        if let usage {
            members["usage"] = [
                "bytes": .integer(usage.bytes), "keys": .integer(usage.keys),
                "revision": .integer(usage.revision),
            ]
        }
        return .object(members)
    }

    /// The conditions that a status holds, whoever wrote them.
    static func entries(in status: JSONValue?) -> [Entry] {
        (status?["conditions"]?.array ?? []).compactMap { item in
            guard let type = item["type"]?.text, let value = item["status"]?.text else {
                return nil
            }
            return Entry(
                type: type,
                status: value,
                reason: item["reason"]?.text ?? "",
                message: item["message"]?.text ?? "",
                lastTransition: item["lastTransitionTime"]?.text.flatMap(WallTime.seconds) ?? 0,
                observedGeneration: item["observedGeneration"]?.integer ?? 0
            )
        }
    }

    /// The conditions that a status holds as the reconciler knows them: for their times.
    static func conditions(in status: JSONValue?) -> [Condition] {
        self.entries(in: status).compactMap { entry in
            guard let kind = Condition.Kind(rawValue: entry.type),
                let status = Condition.Status(rawValue: entry.status)
            else { return nil }
            return Condition(
                kind,
                status,
                Condition.Reason(rawValue: entry.reason) ?? .progressing,
                entry.message,
                lastTransition: entry.lastTransition,
                observedGeneration: entry.observedGeneration
            )
        }
    }
}

extension TenantStatus.Entry {
    fileprivate var json: JSONValue {
        [
            "type": .string(self.type), "status": .string(self.status),
            "reason": .string(self.reason),
            "message": .string(self.message),
            "lastTransitionTime": .string(WallTime.text(seconds: self.lastTransition)),
            "observedGeneration": .integer(self.observedGeneration),
        ]
    }
}
