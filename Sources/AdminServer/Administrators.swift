import ByreCore
import GRPC
import Tenancy

extension AdminServer {
    /// Refuses a tenant that an administrator's certificate would stand for, too: such a certificate
    /// is refused, so whoever may have tenants made could shut administrators out.
    /// - Parameter present: The tenant as it is; what it does already, it may go on doing.
    func checkAdministrators(
        _ definition: TenantDefinition,
        replacing present: TenantDefinition? = nil
    ) throws(Status) {
        for rules in self.rules {
            let before = present.map { rules.administrators(shutOutBy: $0) } ?? []
            let shutOut = rules.administrators(shutOutBy: definition).first { !before.contains($0) }
            guard let shutOut else { continue }
            throw Status(
                .alreadyExists,
                "\(shutOut.identity.kind.rawValue) \(shutOut.identity.value) belongs to an "
                    + "administrator, whose certificate would stand for tenant \(definition.name) "
                    + "as well: choose another name, or other identities"
            )
        }
    }
}
