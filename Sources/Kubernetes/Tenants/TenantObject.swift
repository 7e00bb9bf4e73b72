import ByreCore
package import Controller
import TLS

/// A Tenant of `byre.io/v1alpha1` as the API server has it: `deploy/crds`.
package struct TenantObject: Hashable, Sendable {
    /// What keeps an object that was deleted until its tenant is seen to.
    package static let finalizer = "byre.io/tenant"
    /// An annotation with which an administrator lets an object that was deleted go although nothing
    /// can be done for its tenant, whose server is gone for good.
    package static let abandonAnnotation = "byre.io/abandon"

    package let json: JSONValue
    package let name: String
    package let namespace: String
    package let uid: String

    /// - Returns: nil for what has no name, namespace or uid, as no API server sends.
    package init?(_ json: JSONValue) {
        guard let name = json.name, let namespace = json.namespace, let uid = json.uid else {
            return nil
        }
        self.json = json
        self.name = name
        self.namespace = namespace
        self.uid = uid
    }

    package var key: DeclarationKey { DeclarationKey("\(self.namespace)/\(self.name)") }
    package var generation: Int64 { self.metadata?["generation"]?.integer ?? 0 }
    package var isDeleted: Bool { self.metadata?["deletionTimestamp"] != nil }
    package var created: String { self.metadata?["creationTimestamp"]?.text ?? "" }
    package var finalizers: [String] {
        self.metadata?["finalizers"]?.array?.compactMap(\.text) ?? []
    }
    package var hasFinalizer: Bool { self.finalizers.contains(Self.finalizer) }
    package var isAbandoned: Bool {
        self.isDeleted && self.metadata?["annotations"]?[Self.abandonAnnotation]?.text == "true"
    }
    package var status: JSONValue? { self.json["status"] }

    private var metadata: JSONValue? { self.json["metadata"] }

    /// Whether a later state of the object asks for something else, or needs to be looked at anew:
    /// a change of its status alone does not.
    package func asksForTheSame(as other: TenantObject) -> Bool {
        self.uid == other.uid && self.generation == other.generation
            && self.isDeleted == other.isDeleted && self.isAbandoned == other.isAbandoned
            && self.hasFinalizer == other.hasFinalizer
    }

    /// Reads what it declares.
    /// - Parameter defaultEndpoints: where clients connect when the object does not say it.
    /// - Throws: ``Fault`` with one line for each wrong field. An object that was deleted is read
    ///   as far as it can be.
    package func declaration(defaultEndpoints: [String]) throws(Fault) -> DesiredTenant {
        var reader = FieldReader()
        let spec = self.json["spec"]
        let name = reader.text("name", of: spec, at: "spec") ?? "\(self.namespace)-\(self.name)"
        guard TenantDefinition.isValidName(name) else {
            throw Fault([
                spec?["name"] == nil
                    ? "spec.name: must be given, since \(name) is no DNS label of at most 63 characters"
                    : "spec.name: must be a DNS label: a-z, 0-9 and -, no - at either end"
            ])
        }
        var tenant = DesiredTenant(
            key: self.key,
            name: name,
            place: "Tenant \(self.key)",
            source: "\(self.key)/\(self.uid)"
        )
        tenant.generation = self.generation
        tenant.isRemoved = self.isDeleted
        tenant.reported = TenantStatus.conditions(in: self.status)
        self.readOnce(spec, &tenant, &reader)
        self.readDeletion(spec, &tenant, &reader)
        tenant.isSuspended = reader.flag("suspended", of: spec, at: "spec")
        tenant.limits = Self.limits(in: spec?["limits"], &reader)
        tenant.autoCompaction = Self.compaction(in: spec?["compaction"], &reader)
        tenant.identities = Self.identities(in: spec?["identities"], &reader)
        tenant.credentials = Self.credentials(in: spec?["credentials"], defaultEndpoints, &reader)
        tenant.sqlReader = Self.sqlReader(in: spec?["sqlReader"], of: name, &reader)
        guard reader.errors.isEmpty || self.isDeleted else { throw Fault(reader.errors) }
        return tenant
    }

    /// Why an object declares nothing.
    package struct Fault: Error, Hashable, Sendable {
        package let lines: [String]

        init(_ lines: [String]) {
            self.lines = lines
        }
    }

    // MARK: Fields

    private func readOnce(
        _ spec: JSONValue?,
        _ tenant: inout DesiredTenant,
        _ reader: inout FieldReader
    ) {
        tenant.uid = reader.text("uid", of: spec, at: "spec")
        let isolations: [String: TenantDefinition.Isolation] = [
            "Shared": .shared, "Dedicated": .dedicated,
        ]
        tenant.isolation =
            reader.choice("isolation", of: spec, at: "spec", isolations) ?? .shared
        tenant.adopts = reader.flag("adopt", of: spec, at: "spec") ?? false
        // Who may make objects in one namespace must not take others' tenants by their names.
        if tenant.adopts, tenant.uid == nil {
            reader.fail("spec.adopt", "needs spec.uid, the tenant's")
        }
    }

    private func readDeletion(
        _ spec: JSONValue?,
        _ tenant: inout DesiredTenant,
        _ reader: inout FieldReader
    ) {
        let policies: [String: TenantOwnership.DeletionPolicy] = [
            "Retain": .retain, "Delete": .delete,
        ]
        tenant.deletionPolicy =
            reader.choice("deletionPolicy", of: spec, at: "spec", policies) ?? .retain
        if let grace = reader.seconds("deletionGrace", of: spec, at: "spec") {
            tenant.deletionGraceSeconds = grace
        }
    }

    private static func limits(
        in object: JSONValue?,
        _ reader: inout FieldReader
    ) -> TenantLimits {
        let path = "spec.limits"
        var limits = TenantLimits()
        limits.bytes = reader.bytes("bytes", of: object, at: path)
        if limits.bytes == 0 { reader.fail("\(path).bytes", "must be at least 1") }
        let modes: [String: TenantLimits.SpaceMode] = ["Strict": .strict, "Headroom": .headroom]
        limits.spaceMode = reader.choice("spaceMode", of: object, at: path, modes) ?? .headroom
        limits.keys = reader.count("keys", of: object, at: path)
        limits.valueBytes = reader.bytes("valueBytes", of: object, at: path)
        limits.writesPerSecond = reader.count("writesPerSecond", of: object, at: path)
        limits.readsPerSecond = reader.count("readsPerSecond", of: object, at: path)
        limits.readBytesPerSecond = reader.bytes("readBytesPerSecond", of: object, at: path)
        limits.watches = reader.count("watches", of: object, at: path)
        limits.leases = reader.count("leases", of: object, at: path)
        limits.connections = reader.count("connections", of: object, at: path)
        limits.inFlight = reader.count("inFlight", of: object, at: path)
        return limits
    }

    private static func compaction(
        in object: JSONValue?,
        _ reader: inout FieldReader
    ) -> AutoCompaction? {
        guard let object else { return nil }
        let path = "spec.compaction"
        let seconds = reader.seconds("periodic", of: object, at: path)
        let revisions = reader.count("revisions", of: object, at: path)
        switch (seconds, revisions) {
        case (let seconds?, nil):
            let (nanoseconds, isTooLong) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
            if isTooLong { reader.fail("\(path).periodic", "must be shorter than 292 years") }
            return .periodic(retentionNanoseconds: nanoseconds)
        case (nil, let revisions?):
            return .revision(retention: revisions)
        default:
            reader.fail(path, "must have one of periodic and revisions")
            return nil
        }
    }

    private static func identities(
        in list: JSONValue?,
        _ reader: inout FieldReader
    ) -> Set<TenantIdentity> {
        let kinds: [String: TenantIdentity.Kind] = [
            "CommonName": .commonName, "URI": .uriSAN, "DNS": .dnsSAN, "Authority": .authority,
            "ServerName": .serverName,
        ]
        var identities: Set<TenantIdentity> = []
        for (index, item) in (list?.array ?? []).enumerated() {
            let path = "spec.identities[\(index)]"
            let kind = reader.choice("kind", of: item, at: path, kinds)
            let value = reader.text("value", of: item, at: path)
            guard let kind, let value else {
                reader.fail(path, "must have kind and value")
                continue
            }
            identities.insert(TenantIdentity(kind, value))
        }
        return identities
    }

    private static func credentials(
        in object: JSONValue?,
        _ defaultEndpoints: [String],
        _ reader: inout FieldReader
    ) -> CredentialRequest? {
        guard let object else { return nil }
        let path = "spec.credentials"
        var request = CredentialRequest()
        if let lifetime = reader.seconds("lifetime", of: object, at: path) {
            request.lifetimeSeconds = lifetime
            if lifetime < CredentialRequest.lifetimeSecondsMin {
                reader.fail(
                    "\(path).lifetime",
                    "must be at least \(CredentialRequest.lifetimeSecondsMin)s"
                )
            }
        }
        request.key =
            reader.choice("algorithm", of: object, at: path, ["ECDSA": .ecdsa, "RSA": .rsa])
            ?? .ecdsa
        let endpoints = object["endpoints"]?.array?.compactMap(\.text) ?? []
        request.endpoints = endpoints.isEmpty ? defaultEndpoints : endpoints
        request.place = reader.text("secretName", of: object, at: path)
        if let clusterAPI = object["clusterAPI"] {
            if let cluster = reader.text("cluster", of: clusterAPI, at: "\(path).clusterAPI") {
                request.shapes.insert(.clusterAPI(cluster: cluster))
            } else {
                reader.fail("\(path).clusterAPI.cluster", "must be given")
            }
        }
        if let hyperShift = object["hyperShift"] {
            if let secret = reader.text("secretName", of: hyperShift, at: "\(path).hyperShift") {
                request.shapes.insert(.hyperShift(secret: secret))
            } else {
                reader.fail("\(path).hyperShift.secretName", "must be given")
            }
        }
        return request
    }

    /// The role that reads the tenant: `byre_NAME`, or one whose name goes on from there after `_`.
    ///
    /// Who may make objects in one namespace must get no role of anybody else; names of tenants have
    /// no `_`, so no two tenants can ask for the same.
    private static func sqlReader(
        in object: JSONValue?,
        of name: String,
        _ reader: inout FieldReader
    ) -> SQLReaderRequest? {
        guard let object else { return nil }
        let own = "byre_" + name
        let role = reader.text("role", of: object, at: "spec.sqlReader") ?? own
        let bytesMax = SQLReaderRole.nameBytesMax
        guard role == own || role.hasPrefix(own + "_"), role.utf8.count <= bytesMax else {
            reader.fail(
                "spec.sqlReader.role",
                "must be \(own), or begin with \(own)_, and have at most \(bytesMax) bytes"
            )
            return nil
        }
        return SQLReaderRequest(role: role)
    }
}
