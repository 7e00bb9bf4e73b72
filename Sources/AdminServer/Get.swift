import ByreAPI
import ByreCore
import Engine
import GRPC
import SwiftProtobuf

extension AdminServer {
    /// `TenantService/Get`: shows one tenant.
    func get(_ message: RawSpan, _ call: ServerCall) {
        guard let request = self.decode(message, call, as: ByreGetRequest.self) else { return }
        do throws(Status) {
            let found = try self.find(request.tenant)
            let message = found.message
            guard case .present(let tenant) = found, request.withSqlReaders else {
                Self.reply(message, call)
                return
            }
            let id = tenant.id
            self.withSQLReaders(of: id, call) { readers, call in
                var shown = message
                shown.setReaders(readers, of: id)
                Self.reply(shown, call)
            }
        } catch {
            call.fail(error)
        }
    }

    private static func reply(_ tenant: ByreTenant, _ call: ServerCall) {
        call.reply(FramedMessage(ByreGetResponse.with { $0.tenant = tenant }))
    }
}
