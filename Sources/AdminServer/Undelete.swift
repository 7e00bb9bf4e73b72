import ByreAPI
import ByreCore
import GRPC
import SwiftProtobuf

extension AdminServer {
    /// `TenantService/Undelete`: takes a deletion back. The tenant is active afterwards.
    func undelete(_ message: RawSpan, _ call: ServerCall) {
        guard let request = self.decode(message, call, as: ByreUndeleteRequest.self) else { return }
        let change = Change(
            reference: request.tenant,
            what: "undeleted",
            edit: { definition throws(Status) in
                guard definition.lifecycle == .deleting else { return }
                definition.lifecycle = .active
                definition.reclaimAt = nil
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
