/// Roles of a store's database that read one tenant with SQL, and nothing else.
///
/// Calls block and belong to no event loop; any thread may make them.
package protocol SQLReaders: Sendable {
    /// The roles that read a tenant, or each tenant for nil, by name; tenants without any are left out.
    func roles(of tenant: TenantID?) throws(SQLReadersError) -> [TenantID: [String]]

    /// Makes `roles` those that read a tenant, and no others. What was done before an error stays
    /// done, and asking again does the rest.
    /// - Returns: whether anything was different before.
    func set(_ roles: Set<String>, of tenant: TenantID) throws(SQLReadersError) -> Bool
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
