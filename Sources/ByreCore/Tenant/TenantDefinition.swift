/// What an administrator decides about a tenant: its name, who may use it, how much, and for how long.
///
/// Changes through the registry alone, never by an etcd request. `TenantState` is the other half:
/// what the tenant's own requests add up to.
package struct TenantDefinition: Hashable, Sendable {
    /// A tenant's stage of life.
    package enum Lifecycle: String, Hashable, Sendable, CaseIterable {
        case active
        /// Kept, but refuses every request.
        case suspended
        /// Invisible, and erased once ``TenantDefinition/reclaimAt`` has passed. Can be taken back
        /// until then.
        case deleting
    }

    /// A DNS label, unique among tenants that are not being deleted.
    package var name: String
    /// A UUID in lower case, given once; never used for another tenant.
    package var uid: String
    /// Where the tenant's keys sit in the raw keyspace of all tenants. Given once; no prefix begins
    /// another.
    package var prefix: Bytes
    package var lifecycle: Lifecycle = .active
    /// Seconds since 1970 at which a tenant that is being deleted begins to be erased.
    package var reclaimAt: Int64?
    package var limits = TenantLimits()
    /// Who the tenant's clients are, beside those that the name and the uid prove.
    package var identities: Set<TenantIdentity> = []
    /// Automatic compaction; nil for the server's default.
    package var autoCompaction: AutoCompaction?
    /// Seconds since 1970.
    package var createdAt: Int64
    /// Counts the changes of this definition, for updates that must not overwrite another's.
    package var generation: Int64 = 1

    package init(name: String, uid: String, prefix: Bytes, createdAt: Int64) {
        self.name = name
        self.uid = uid
        self.prefix = prefix
        self.createdAt = createdAt
    }

    /// The prefix of a tenant that is not given another: a name holds no slash, so no such prefix
    /// begins another.
    package static func defaultPrefix(of name: String) -> Bytes { Bytes("/\(name)/".utf8) }

    /// Whether `name` is a DNS label: 1 to 63 letters, digits and hyphens, lower case, no hyphen at
    /// either end.
    ///
    /// RFC 1123, section 2.1.
    package static func isValidName(_ name: String) -> Bool {
        let bytes = Array(name.utf8)
        guard (1...63).contains(bytes.count) else { return false }
        let hyphen = UInt8(ascii: "-")
        guard bytes.first != hyphen, bytes.last != hyphen else { return false }
        return bytes.allSatisfy {
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || $0 == hyphen
        }
    }
}

/// Something in a client's certificate, or the server name it asks for, that belongs to one tenant.
package struct TenantIdentity: Hashable, Comparable, Sendable {
    /// Where it is looked for.
    package enum Kind: String, Hashable, Sendable, CaseIterable {
        /// A URI subject alternative name.
        case uriSAN = "uri-san"
        /// A DNS subject alternative name.
        case dnsSAN = "dns-san"
        /// The subject's common name.
        case commonName = "common-name"
        /// An authority above the certificate: the SHA-256 of its public key, 64 hexadecimal digits.
        case authority
        /// The server name of TLS, or `:authority`. Narrows; proves nothing by itself.
        case serverName = "server-name"
    }

    package var kind: Kind
    package var value: String

    package init(_ kind: Kind, _ value: String) {
        self.kind = kind
        self.value = value
    }

    package static func < (a: TenantIdentity, b: TenantIdentity) -> Bool {
        (a.kind.rawValue, a.value) < (b.kind.rawValue, b.value)
    }
}
