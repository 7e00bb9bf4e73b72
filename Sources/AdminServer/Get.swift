import ByreAPI
import GRPC
import SwiftProtobuf

extension AdminServer {
    /// `TenantService/Get`: shows one tenant.
    func get(_ message: RawSpan, _ call: ServerCall) {
        guard let request = self.decode(message, call, as: ByreGetRequest.self) else { return }
        do throws(Status) {
            let tenant = try self.find(request.tenant).message
            call.reply(FramedMessage(ByreGetResponse.with { $0.tenant = tenant }))
        } catch {
            call.fail(error)
        }
    }
}
