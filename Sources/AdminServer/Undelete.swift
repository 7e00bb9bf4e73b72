import ByreAPI
import ByreCore
import GRPC
import SwiftProtobuf

extension AdminServer {
    /// `TenantService/Undelete`: takes a deletion back. The tenant is what it was before.
    func undelete(_ message: RawSpan, _ call: ServerCall) {
        guard let request = self.decode(message, call, as: ByreUndeleteRequest.self) else { return }
        let change = Change(
            reference: request.tenant,
            what: "undeleted",
            ifGeneration: Change.expected(request.ifGeneration),
            edit: { definition throws(Status) in
                definition.undelete()
            },
            answer: { tenant, isChanged in
                FramedMessage(
                    ByreUndeleteResponse.with {
                        $0.tenant = tenant
                        $0.changed = isChanged
                    }
                )
            }
        )
        self.make(change, call)
    }
}
