import Engine
import Tenancy

/// A connection's place among those that its tenant may have; given back with the last reference.
final class ConnectionSeat: Sendable {
    let tenant: TenantStore

    /// - Returns: nil when the tenant has as many connections as it may have.
    init?(_ tenant: TenantStore) {
        guard tenant.admission.connectionOpened() else { return nil }
        self.tenant = tenant
    }

    deinit {
        self.tenant.admission.connectionClosed()
    }
}
