/// What an administrator decides about a tenant: its name, who may use it, how much, and for how long.
///
/// Changes through the registry alone, never by an etcd request. `TenantState` is the other half:
/// what the tenant's own requests add up to.
package struct TenantDefinition: Hashable, Sendable {
    /// A tenant's stage of life.
    package enum Lifecycle: String, Hashable, Sendable, CaseIterable {
        case active
        /// Kept, but refuses every request. Its leases do not expire, and have their full time again
        /// when it is resumed.
        case suspended
        /// Invisible, and erased once ``TenantDefinition/reclaimAt`` has passed. Can be taken back
        /// until then.
        case deleting
    }

    /// Whether a tenant's data lie beside those of others.
    package enum Isolation: String, Hashable, Sendable, CaseIterable {
        /// In the same tables as those of other tenants.
        case shared
        /// In a store of its own: a schema of the same database, or a file beside the store's.
        case dedicated
    }

    /// A DNS label, unique. A tenant that is being deleted keeps its name until it is erased, so that
    /// it can be taken back; another name frees it.
    package var name: String
    /// A UUID in lower case, given once; never used for another tenant.
    package var uid: String
    /// Where the tenant's keys sit in the raw keyspace of all tenants. Given once; no prefix begins
    /// another.
    package var prefix: Bytes
    /// Given once.
    package var isolation = Isolation.shared
    /// Where a dedicated tenant's data are: a schema's name or a file's, as the backend chose it when
    /// it made the tenant. Nil where they are in the store itself: of a shared tenant, and of a
    /// dedicated one whose own store this is.
    package var home: String?
    package var lifecycle: Lifecycle = .active
    /// Seconds since 1970 at which a tenant that is being deleted begins to be erased.
    package var reclaimAt: Int64?
    /// Whether a tenant that is being deleted was suspended before, and is again when it is taken back.
    package var wasSuspended = false
    package var limits = TenantLimits()
    /// Who the tenant's clients are, beside those that the name and the uid prove.
    package var identities: Set<TenantIdentity> = []
    /// Automatic compaction; nil for the server's default, and a retention of 0 for none.
    ///
    /// Goes on while the tenant is suspended, and stops while it is being deleted.
    package var autoCompaction: AutoCompaction?
    /// The controller that looks after the tenant; nil for none.
    package var ownership: TenantOwnership?
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

    /// Begins the deletion of a tenant that is not being deleted, or moves its end.
    package mutating func delete(reclaimAt: Int64) {
        if self.lifecycle != .deleting { self.wasSuspended = self.lifecycle == .suspended }
        self.lifecycle = .deleting
        self.reclaimAt = reclaimAt
    }

    /// Takes the deletion back: the tenant is what it was before.
    package mutating func undelete() {
        guard self.lifecycle == .deleting else { return }
        self.lifecycle = self.wasSuspended ? .suspended : .active
        self.wasSuspended = false
        self.reclaimAt = nil
    }

    /// The definition as the tenant's own store keeps it.
    package var atHome: TenantDefinition {
        var copy = self
        copy.home = nil
        return copy
    }

    /// The prefix of a tenant that is not given another: a name holds no slash, so no such prefix
    /// begins another.
    package static func defaultPrefix(of name: String) -> Bytes { Bytes("/\(name)/".utf8) }

    /// A random UUID (version 4) in lower case.
    ///
    /// RFC 9562, section 5.4.
    package static func randomUID(using generator: inout some RandomNumberGenerator) -> String {
        let high = generator.next() & 0xFFFF_FFFF_FFFF_0FFF | 0x4000
        let low = generator.next() & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000
        let digits = [high, low].map { half in
            let text = String(half, radix: 16)
            return String(repeating: "0", count: 16 - text.count) + text
        }.joined()
        var uuid = ""
        for (offset, digit) in digits.enumerated() {
            if [8, 12, 16, 20].contains(offset) { uuid.append("-") }
            uuid.append(digit)
        }
        return uuid
    }

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

        /// Whether values are compared without regard to case. They are kept in lower case.
        package var ignoresCase: Bool {
            switch self {
            case .dnsSAN, .authority, .serverName: true
            case .uriSAN, .commonName: false
            }
        }
    }

    package var kind: Kind
    package var value: String

    package init(_ kind: Kind, _ value: String) {
        self.kind = kind
        self.value = value
    }

    /// Takes a value as people write it.
    package init(_ kind: Kind, folding text: String) {
        self.init(kind, kind.ignoresCase ? text.lowercased() : text)
    }

    package static func < (a: TenantIdentity, b: TenantIdentity) -> Bool {
        (a.kind.rawValue, a.value) < (b.kind.rawValue, b.value)
    }
}
