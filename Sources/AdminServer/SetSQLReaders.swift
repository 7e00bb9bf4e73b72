import ByreAPI
import ByreCore
import Dispatch
import Engine
import GRPC
import SwiftProtobuf
import Synchronization

extension AdminServer {
    /// `TenantService/SetSQLReaders`: says which roles of the database read a tenant.
    func setSQLReaders(_ message: RawSpan, _ call: ServerCall) {
        guard let request = self.decode(message, call, as: ByreSetSQLReadersRequest.self) else {
            return
        }
        do throws(Status) {
            guard let readers = self.store.sqlReaders else {
                throw Status(
                    .failedPrecondition,
                    "roles that read a tenant need a store in PostgreSQL"
                )
            }
            guard request.roles.count <= SQLReaderQueue.rolesMax else {
                throw Status(
                    .invalidArgument,
                    "roles: at most \(SQLReaderQueue.rolesMax) can read a tenant"
                )
            }
            let roles = Set(request.roles)
            var verifiers: [String: String] = [:]
            for password in request.passwords {
                guard roles.contains(password.role), verifiers[password.role] == nil else {
                    throw Status(
                        .invalidArgument,
                        "passwords: each is of another one of the roles"
                    )
                }
                verifiers[password.role] = password.verifier
            }
            let tenant = try self.findPresent(request.tenant)
            try Self.checkNotDeleting(tenant.definition)
            try self.run(readers, roles, verifiers, tenant, call)
        } catch {
            call.fail(error)
        }
    }

    private func run(
        _ readers: any SQLReaders,
        _ roles: Set<String>,
        _ verifiers: [String: String],
        _ tenant: TenantStore,
        _ call: ServerCall
    ) throws(Status) {
        let bound = LoopBound(call, loop: call.loop)
        let isTaken = self.sqlReaderQueue.run {
            let result = Result { () throws(SQLReadersError) in
                try readers.set(roles, verifiers: verifiers, of: tenant.id)
            }
            bound.loop.execute {
                let call = bound.value
                switch result {
                case .success(let isChanged):
                    if isChanged { self.log("given SQL readers", tenant.definition, call) }
                    call.reply(
                        FramedMessage(
                            ByreSetSQLReadersResponse.with {
                                $0.tenant = ByreTenant(tenant)
                                $0.roles = roles.sorted()
                                $0.changed = isChanged
                            }
                        )
                    )
                case .failure(let error): call.fail(Status(error))
                }
            }
        }
        guard isTaken else {
            throw Status(.resourceExhausted, "too many changes of readers wait: try again")
        }
    }
}

/// A thread's turn for calls that wait for a database, one after another, away from event loops.
final class SQLReaderQueue: Sendable {
    /// How many roles one tenant may have.
    static let rolesMax = 64
    /// Calls beyond this many are refused.
    static let waitingMax = 16

    private let queue = DispatchQueue(label: "byre.sql-readers")
    private let waiting = Mutex(0)

    /// - Returns: false when too many wait; then `body` is not called.
    func run(_ body: @escaping @Sendable () -> Void) -> Bool {
        let isTaken = self.waiting.withLock { waiting in
            guard waiting < Self.waitingMax else { return false }
            waiting += 1
            return true
        }
        guard isTaken else { return false }
        self.queue.async {
            body()
            self.waiting.withLock { $0 -= 1 }
        }
        return true
    }
}

extension Status {
    init(_ error: SQLReadersError) {
        self =
            switch error {
            case .invalid(let why): Status(.invalidArgument, "roles: \(why)")
            case .missing(let why), .forbidden(let why): Status(.failedPrecondition, why)
            case .unavailable(let why): Status(.unavailable, why)
            }
    }
}
