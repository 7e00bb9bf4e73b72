import ByreAPI
import ByreCore
import Engine
import GRPC
import SwiftProtobuf

extension AdminServer {
    /// `TenantService/GetSQLReaders`: tells which roles of the database read a tenant.
    func getSQLReaders(_ message: RawSpan, _ call: ServerCall) {
        guard let request = self.decode(message, call, as: ByreGetSQLReadersRequest.self) else {
            return
        }
        do throws(Status) {
            let tenant = try self.findPresent(request.tenant)
            guard let readers = self.store.sqlReaders else {
                call.reply(Self.sqlReadersResponse(tenant, isPossible: false, []))
                return
            }
            let bound = LoopBound(call, loop: call.loop)
            let isTaken = self.sqlReaderQueue.run {
                let result = Result { () throws(SQLReadersError) in
                    try readers.readers(of: tenant.id)
                }
                bound.loop.execute {
                    switch result {
                    case .success(let found):
                        bound.value.reply(Self.sqlReadersResponse(tenant, isPossible: true, found))
                    case .failure(let error): bound.value.fail(Status(error))
                    }
                }
            }
            guard isTaken else {
                throw Status(.resourceExhausted, "too many questions about readers wait: try again")
            }
        } catch {
            call.fail(error)
        }
    }

    private static func sqlReadersResponse(
        _ tenant: TenantStore,
        isPossible: Bool,
        _ readers: [SQLReaderRole]
    ) -> FramedMessage {
        FramedMessage(
            ByreGetSQLReadersResponse.with {
                $0.tenant = ByreTenant(tenant)
                $0.possible = isPossible
                $0.readers = readers.map { reader in
                    .with {
                        $0.role = reader.name
                        $0.verifierDigest = reader.verifierDigest ?? ""
                    }
                }
            }
        )
    }
}
