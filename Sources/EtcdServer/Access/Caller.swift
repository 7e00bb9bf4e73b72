package import Engine
package import GRPC
import Tenancy

/// Whom a call is answered for.
package enum Caller: Sendable {
    case tenant(TenantStore)
    /// An administrator, by name: sees prefix and key of all tenants.
    case raw(administrator: String)
    /// Nobody, and what the client is told of it.
    case rejected(Status)
}

extension Status {
    /// A client that may be let in later should try again; the others should be mended.
    init(_ rejection: Rejection) {
        self.init(
            rejection.isTemporary ? .unavailable : .permissionDenied,
            rejection.message
        )
    }
}
