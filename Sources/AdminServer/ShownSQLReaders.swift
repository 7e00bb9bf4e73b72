import ByreAPI
import ByreCore
import Engine
import GRPC

extension AdminServer {
    /// Asks the database who reads tenants with SQL, and has `body` called with that, or with nil when
    /// there are no roles or the database cannot be asked now: a tenant is shown in any case.
    /// - Parameter tenant: the one to ask for; nil for all.
    func withSQLReaders(
        of tenant: TenantID?,
        _ call: ServerCall,
        _ body: @escaping @Sendable (_ readers: [TenantID: [String]]?, _ call: ServerCall) -> Void
    ) {
        guard let readers = self.store.sqlReaders else {
            body(nil, call)
            return
        }
        let bound = LoopBound(call, loop: call.loop)
        let isTaken = self.sqlReaderQueue.run {
            let found = try? readers.roles(of: tenant)
            bound.loop.execute { body(found, bound.value) }
        }
        if !isTaken { body(nil, call) }
    }
}

extension ByreTenant {
    /// Notes who reads the tenant, if that is known.
    mutating func setReaders(_ readers: [TenantID: [String]]?, of id: TenantID) {
        guard let readers else { return }
        self.sqlReaders.roles = readers[id] ?? []
    }
}
