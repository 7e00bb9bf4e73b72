package import ByreCore
import Postgres

// A home comes and goes with its tenant's row, in one transaction: no crash leaves half of it.
extension PostgresBackend {
    package func chooseHome(for tenant: TenantDefinition) throws(HomeRefusal) -> String {
        let home = Home.name(for: tenant, in: self.address.schema)
        guard let connection = self.transaction?.connection else {
            throw .backend(.unavailable("no transaction"))
        }
        let standing: Home.Standing
        let mayCreate: Bool
        do throws(PostgresError) {
            standing = try Home.standing(of: home, in: self.address.schema, connection)
            mayCreate =
                try connection.query(
                    "SELECT has_database_privilege(current_database(), 'CREATE')"
                ).first?.bool(0) ?? false
        } catch {
            self.abandonTransaction()
            self.writer.dropIfUseless(after: error)
            throw .backend(BackendError(error))
        }
        switch standing {
        case .missing where mayCreate, .empty: return home
        case .missing:
            throw .refused(
                "Byre's role may not make schemas: GRANT CREATE ON DATABASE to it, or CREATE SCHEMA "
                    + "\(home) AUTHORIZATION it"
            )
        case .ours, .foreign:
            throw .refused(
                "the database has a schema \(home) already, which is not this tenant's: rename or drop "
                    + "it, or give the tenant another name"
            )
        }
    }

    /// Makes the homes that a batch asks for, in the transaction under way.
    /// - Returns: the homes to drop with it. One that somebody else has dropped, or put something else in
    ///   the place of, is left alone.
    func prepareHomes(
        for changes: [RegistryChange]
    ) throws(BackendError) -> [TenantID: String] {
        guard let connection = self.transaction?.connection else { return [:] }
        let schema = self.address.schema
        var dropping: [TenantID: String] = [:]
        do throws(PostgresError) {
            for change in changes {
                switch change {
                case .create(_, let definition):
                    guard let home = definition.home else { continue }
                    let standing = try Home.standing(of: home, in: schema, connection)
                    let isThere = if case .empty = standing { true } else { false }
                    try Home.make(home, in: schema, isThere: isThere, connection)
                case .erase(let id):
                    guard let home = self.homes.schema(of: id) else { continue }
                    if case .ours = try Home.standing(of: home, in: schema, connection) {
                        dropping[id] = home
                    }
                case .define, .beginErasing, .eraseRows, .eraseLeases: continue
                }
            }
        } catch {
            self.writer.dropIfUseless(after: error)
            throw BackendError(error)
        }
        return dropping
    }
}
