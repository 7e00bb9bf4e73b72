package import ByreCore
package import TLS

/// What tells one declaration of a source from its others: the tenant's name in files,
/// `namespace/name` of an object.
package struct DeclarationKey: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let text: String

    package init(_ text: String) {
        self.text = text
    }

    package var description: String { self.text }

    package static func < (a: DeclarationKey, b: DeclarationKey) -> Bool { a.text < b.text }
}

/// What one tenant should be, as a file or an object declares it.
///
/// Settings that are not declared are the server's defaults, and are set back to them. What is nil
/// here is left alone.
package struct DesiredTenant: Hashable, Sendable {
    package var key: DeclarationKey
    /// The tenant's name on the server, a DNS label.
    package var name: String
    /// Where the declaration stands, for people: `tenants.yaml:12:5`, `Tenant prod/acme`.
    package var place: String
    /// What is recorded in the tenant as ``TenantOwnership/source``. Must stay the same as long as
    /// the declaration does: no line numbers; an object's has its uid in it.
    package var source: String
    /// The declaration's own generation, which conditions repeat; 0 where declarations have none.
    package var generation: Int64 = 0

    /// Whether a tenant that is there and nobody's is taken over.
    package var adopts = false
    package var deletionPolicy = TenantOwnership.DeletionPolicy.retain
    /// How long the deletion of the tenant can be taken back.
    package var deletionGraceSeconds: Int64 = 24 * 3_600
    /// Whether the declaration is being taken away, and `deletionPolicy` is to be followed now: an
    /// object with a deletion timestamp.
    ///
    /// Sources whose declarations are just gone need not say so: see
    /// ``TenantSource/goneMeansRemoved``.
    package var isRemoved = false

    // Given once. What a tenant has that is there is not changed: a condition says that it differs.
    package var uid: String?
    package var prefix: Bytes?
    package var isolation = TenantDefinition.Isolation.shared

    // May change.
    package var limits = TenantLimits()
    package var identities: Set<TenantIdentity> = []
    package var autoCompaction: AutoCompaction?
    /// Whether it refuses requests; nil for however an administrator left it.
    package var isSuspended: Bool?

    /// What its clients need to connect; nil for nothing.
    package var credentials: CredentialRequest?
    /// A role of PostgreSQL that reads the tenant with SQL; nil for none of the controller's.
    package var sqlReader: SQLReaderRequest?

    /// The conditions that were reported last, if the source keeps them: their times of transition
    /// go on.
    package var reported: [Condition] = []

    package init(key: DeclarationKey, name: String, place: String, source: String) {
        self.key = key
        self.name = name
        self.place = place
        self.source = source
    }
}

/// What a tenant's clients are to be given.
package struct CredentialRequest: Hashable, Sendable {
    /// The shortest `lifetimeSeconds`: two thirds of less are over at once, for ever.
    package static let lifetimeSecondsMin: Int64 = 3

    /// How long a certificate is valid. It is renewed after two thirds of that.
    package var lifetimeSeconds: Int64 = 90 * 86_400
    package var key = KeyKind.ecdsa
    /// Where clients connect: URLs, as `--etcd-servers` of an API server takes them.
    package var endpoints: [String] = []
    /// Where the sink is to put them, in its own words: the name of a Secret. Nil for the usual place.
    package var place: String?
    /// Further forms of the same, for consumers that look for other names.
    package var shapes: Set<CredentialShape> = []

    package init() {}
}

/// A form in which consumers look for credentials, beside Byre's own `ca.crt`, `tls.crt`, `tls.key`
/// and `endpoint`.
package enum CredentialShape: Hashable, Sendable {
    /// Cluster API's `<cluster>-etcd` and `<cluster>-apiserver-etcd-client`.
    case clusterAPI(cluster: String)
    /// HyperShift's `etcd-client-ca.crt`, `etcd-client.crt` and `etcd-client.key` in one secret.
    case hyperShift(secret: String)
}

/// A role of PostgreSQL that is to read a tenant with SQL, with a password that the controller makes.
package struct SQLReaderRequest: Hashable, Sendable {
    package var role: String

    package init(role: String) {
        self.role = role
    }
}
