package import ByreCore
import Postgres

/// The readers of a store's tenants; each call has a connection of its own.
struct PostgresSQLReaders: SQLReaders {
    let address: StoreAddress
    let options: PostgresOptions
    let homes: Homes

    func roles(of tenant: TenantID?) throws(SQLReadersError) -> [TenantID: [String]] {
        do throws(PostgresError) {
            let connection = try PostgresConnection(self.address.url, options: self.options)
            defer { connection.close() }
            return try SQLReader.all(of: tenant, schema: self.address.schema, on: connection)
        } catch {
            throw .unavailable("PostgreSQL: \(error)")
        }
    }

    func readers(of tenant: TenantID) throws(SQLReadersError) -> [SQLReaderRole] {
        do throws(PostgresError) {
            let connection = try PostgresConnection(self.address.url, options: self.options)
            defer { connection.close() }
            return try SQLReader.working(
                of: tenant,
                schema: self.address.schema,
                home: self.homes.schema(of: tenant),
                on: connection
            )
        } catch {
            throw .unavailable("PostgreSQL: \(error)")
        }
    }

    func set(
        _ roles: Set<String>,
        verifiers: [String: String],
        of tenant: TenantID
    ) throws(SQLReadersError) -> Bool {
        do throws(SQLReader.Refusal) {
            let connection = try SQLReader.asking { () throws(PostgresError) in
                try PostgresConnection(self.address.url, options: self.options)
            }
            defer { connection.close() }
            let present = Set(
                try SQLReader.asking { () throws(PostgresError) in
                    try SQLReader.all(of: tenant, schema: self.address.schema, on: connection)[
                        tenant
                    ]
                        ?? []
                }
            )
            // Before anything is granted.
            for role in verifiers.keys.sorted() {
                try SQLReader.checkPassword(
                    of: role,
                    schema: self.address.schema,
                    on: connection
                )
            }
            // Those that are there too: somebody may have taken their grants away.
            for role in roles.sorted() {
                try SQLReader.create(
                    role,
                    for: tenant,
                    schema: self.address.schema,
                    home: self.homes.schema(of: tenant),
                    on: connection
                )
            }
            for (role, verifier) in verifiers.sorted(by: { $0.key < $1.key }) {
                try SQLReader.setPassword(
                    of: role,
                    verifier: verifier,
                    schema: self.address.schema,
                    on: connection
                )
            }
            for role in present.subtracting(roles).sorted() {
                try SQLReader.drop(
                    role,
                    schema: self.address.schema,
                    home: self.homes.schema(of: tenant),
                    on: connection
                )
            }
            return present != roles || !verifiers.isEmpty
        } catch {
            throw SQLReadersError(error)
        }
    }
}

extension PostgresBackend {
    package var sqlReaders: (any SQLReaders)? {
        PostgresSQLReaders(
            address: self.address,
            options: PostgresOptions(self.limits, self.address),
            homes: self.homes
        )
    }
}

extension SQLReadersError {
    init(_ refusal: SQLReader.Refusal) {
        self =
            switch refusal {
            case .name(let role):
                .invalid("\"\(role.prefix(63))\" is not a name that a role of PostgreSQL can have")
            case .missing(let role):
                .missing(
                    "PostgreSQL has no role \(role), and Byre's own may not make one: "
                        + "CREATE ROLE \(Identifier.quoted(role)) LOGIN"
                )
            case .privileged(let role): .forbidden("the role \(role) sees every tenant anyway")
            case .taken(let role): .forbidden("the role \(role) reads another tenant")
            case .verifier(let role):
                .invalid("what is to be the password of \(role) is no verifier of SCRAM-SHA-256")
            case .password(let role):
                .forbidden(
                    "Byre's own role may not set the password of \(role): give Byre's CREATEROLE, "
                        + "and from PostgreSQL 16 on GRANT \(Identifier.quoted(role)) to it WITH "
                        + "ADMIN OPTION"
                )
            case .foreign(let role):
                .forbidden(
                    "the role \(role) was not made by this store of Byre, so it gets no password: "
                        + "name another one, or GRANT \(Identifier.quoted(role)) TO Byre's own WITH "
                        + "ADMIN OPTION"
                )
            case .noTenant: .missing("the tenant is gone")
            case .database(let error): .unavailable("PostgreSQL: \(error)")
            }
    }
}
