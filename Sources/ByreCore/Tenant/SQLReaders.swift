/// Roles of a store's database that read one tenant with SQL, and nothing else.
///
/// Calls block and belong to no event loop; any thread may make them.
package protocol SQLReaders: Sendable {
    /// The roles that read a tenant, or each tenant for nil, by name; tenants without any are left out.
    func roles(of tenant: TenantID?) throws(SQLReadersError) -> [TenantID: [String]]

    /// The roles that read a tenant and can: they are there and have their grants. By name.
    func readers(of tenant: TenantID) throws(SQLReadersError) -> [SQLReaderRole]

    /// Makes `roles` those that read a tenant, and no others. What was done before an error stays
    /// done, and asking again does the rest.
    /// - Parameter verifiers: of passwords to set, by role; the other roles keep theirs.
    /// - Returns: whether anything was different before.
    func set(
        _ roles: Set<String>,
        verifiers: [String: String],
        of tenant: TenantID
    ) throws(SQLReadersError) -> Bool
}

/// A role that reads a tenant with SQL.
package struct SQLReaderRole: Hashable, Sendable {
    package let name: String
    /// SHA-256, in hexadecimal digits, of the verifier of the password that was set last; nil for
    /// none.
    package let verifierDigest: String?

    package init(name: String, verifierDigest: String?) {
        self.name = name
        self.verifierDigest = verifierDigest
    }

    /// The most bytes of a role's name: PostgreSQL cuts longer ones.
    package static let nameBytesMax = 63

    /// Whether a role may have this name, and it is not one of PostgreSQL's own.
    package static func isValidName(_ name: String) -> Bool {
        (1...Self.nameBytesMax).contains(name.utf8.count) && !name.utf8.contains(0)
            && !name.hasPrefix("pg_") && name != "public" && name != "none"
    }
}

/// Why roles cannot read a tenant.
package enum SQLReadersError: Error, Hashable, Sendable {
    /// A name that no role can have.
    case invalid(String)
    /// There is no such role, and the server may not make one; or no such tenant.
    case missing(String)
    /// The role sees other tenants.
    case forbidden(String)
    /// The database does not answer, or refuses for another reason.
    case unavailable(String)
}
