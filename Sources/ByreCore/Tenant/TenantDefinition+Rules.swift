/// Why a definition cannot be a tenant's, as a sentence for the administrator.
package struct DefinitionFault: Error, Hashable, Sendable, CustomStringConvertible {
    package let description: String

    init(_ description: String) {
        self.description = description
    }
}

extension TenantDefinition {
    /// Most bytes of a prefix.
    package static let prefixBytesMax = 1_024
    /// Most identities of a tenant.
    package static let identitiesMax = 64

    /// Seconds since 1970 that a date with a year of four digits can tell.
    private static let times: ClosedRange<Int64> = 0...253_402_300_799

    /// Checks what can be told of the definition by itself.
    package func check() throws(DefinitionFault) {
        guard Self.isValidName(self.name) else {
            throw DefinitionFault(
                "a tenant's name is a DNS label: 1 to 63 of a-z, 0-9 and -, no - at either end"
            )
        }
        guard Self.isValidUID(self.uid) else {
            throw DefinitionFault("a tenant's uid is a UUID in lower case")
        }
        guard (1...Self.prefixBytesMax).contains(self.prefix.count) else {
            throw DefinitionFault("a tenant's prefix has 1 to \(Self.prefixBytesMax) bytes")
        }
        guard (self.lifecycle == .deleting) == (self.reclaimAt != nil) else {
            throw DefinitionFault(
                "a time to be erased at belongs to a tenant that is being deleted, and to no other"
            )
        }
        guard !self.wasSuspended || self.lifecycle == .deleting else {
            throw DefinitionFault("what a tenant was before belongs to one that is being deleted")
        }
        guard [self.createdAt, self.reclaimAt ?? 0].allSatisfy(Self.times.contains) else {
            throw DefinitionFault("a time is between the years 1970 and 9999")
        }
        guard self.isolation == .dedicated || self.home == nil else {
            throw DefinitionFault("a home belongs to a dedicated tenant, and to no other")
        }
        guard self.generation >= 1 else { throw DefinitionFault("a generation is at least 1") }
        try self.limits.check()
        try self.autoCompaction?.check()
        guard self.identities.count <= Self.identitiesMax else {
            throw DefinitionFault("a tenant has at most \(Self.identitiesMax) identities")
        }
        for identity in self.identities { try identity.check() }
        try self.ownership?.check()
    }

    /// Checks that `new` may follow this definition: what is given once stays.
    package func check(replacedBy new: TenantDefinition) throws(DefinitionFault) {
        guard new.uid == self.uid else {
            throw DefinitionFault("the uid of a tenant never changes")
        }
        guard new.prefix == self.prefix else {
            throw DefinitionFault("the prefix of a tenant never changes")
        }
        guard new.isolation == self.isolation, new.home == self.home else {
            throw DefinitionFault("the isolation of a tenant never changes")
        }
        guard new.createdAt == self.createdAt else {
            throw DefinitionFault("the creation time of a tenant never changes")
        }
    }

    /// Whether it says the same, whichever generation it is, and wherever the backend put it.
    package func isSame(as other: TenantDefinition) -> Bool {
        var copy = other
        copy.generation = self.generation
        copy.home = self.home
        return copy == self
    }

    /// Whether `uid` is a UUID in lower case: 8, 4, 4, 4 and 12 hexadecimal digits.
    ///
    /// RFC 9562, section 4.
    private static func isValidUID(_ uid: String) -> Bool {
        let parts = uid.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        return parts.map(\.count) == [8, 4, 4, 4, 12]
            && parts.allSatisfy { $0.allSatisfy(\.isLowerHexDigit) }
    }
}

extension TenantLimits {
    func check() throws(DefinitionFault) {
        if let bytes, bytes < 1 { throw DefinitionFault("a quota of bytes is at least 1") }
        let others = [
            self.keys, self.valueBytes, self.writesPerSecond, self.readsPerSecond,
            self.readBytesPerSecond, self.watches, self.leases, self.connections, self.inFlight,
        ]
        guard others.allSatisfy({ ($0 ?? 0) >= 0 }) else {
            throw DefinitionFault("a limit is not negative")
        }
    }
}

extension TenantOwnership {
    /// Checks what can be told of it by itself.
    package func check() throws(DefinitionFault) {
        guard !self.owner.isEmpty else { throw DefinitionFault("an owner has a name") }
        for text in [self.owner, self.source] {
            guard text.utf8.count <= Self.textBytesMax, !text.utf8.contains(0) else {
                throw DefinitionFault(
                    "an owner and a source have at most \(Self.textBytesMax) bytes, none of them 0"
                )
            }
        }
        guard (0...Self.graceSecondsMax).contains(self.deletionGraceSeconds) else {
            throw DefinitionFault("a grace is from 0 to \(Self.graceSecondsMax) seconds")
        }
    }
}

extension AutoCompaction {
    func check() throws(DefinitionFault) {
        let retention =
            switch self {
            case .periodic(let nanoseconds): nanoseconds
            case .revision(let count): count
            }
        guard retention >= 0 else { throw DefinitionFault("a retention is not negative") }
    }
}

extension TenantIdentity {
    /// Most bytes of an identity's value.
    package static let valueBytesMax = 1_024

    /// What every tenant's client certificates from Byre hold as a URI, followed by the uid.
    package static let tenantURIPrefix = "urn:byre:tenant:"

    /// Checks that the value can be one of its kind: one that is compared as it is written, so names
    /// of hosts are in lower case.
    func check() throws(DefinitionFault) {
        let value = self.value
        guard (1...Self.valueBytesMax).contains(value.utf8.count) else {
            throw DefinitionFault(
                "an identity of kind \(self.kind.rawValue) has 1 to \(Self.valueBytesMax) bytes"
            )
        }
        switch self.kind {
        case .uriSAN:
            guard !value.lowercased().hasPrefix("urn:byre:") else {
                throw DefinitionFault("URIs of urn:byre: are given by Byre alone")
            }
        case .dnsSAN, .serverName:
            guard value.utf8.allSatisfy({ !(UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) })
            else { throw DefinitionFault("a host's name is in lower case") }
        case .authority:
            guard value.utf8.count == 64, value.utf8.allSatisfy(\.isLowerHexDigit) else {
                throw DefinitionFault(
                    "an authority is the SHA-256 of its public key: 64 hexadecimal digits in lower case"
                )
            }
        case .commonName: break
        }
    }
}

extension UInt8 {
    fileprivate var isLowerHexDigit: Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self)
            || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(self)
    }
}
