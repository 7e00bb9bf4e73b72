import ByreAPI
import ByreCore
import Engine
import GRPC
import SwiftProtobuf

extension AdminServer {
    /// `TenantService/Delete`: makes a tenant invisible, and has it erased later.
    func delete(_ message: RawSpan, _ call: ServerCall) {
        guard let request = self.decode(message, call, as: ByreDeleteRequest.self) else { return }
        let graceSecondsMax = TenantOwnership.graceSecondsMax
        guard (0...graceSecondsMax).contains(request.graceSeconds) else {
            call.fail(
                Status(
                    .invalidArgument,
                    "grace_seconds: \(request.graceSeconds) is not from 0 to \(graceSecondsMax)"
                )
            )
            return
        }
        let reclaimAt = self.wallClock.seconds() + request.graceSeconds
        let change = Change(
            reference: request.tenant,
            what: "deleted",
            ifGeneration: Change.expected(request.ifGeneration),
            isDeletion: true,
            edit: { definition throws(Status) in
                // Asked for again, it does not last longer.
                definition.delete(reclaimAt: min(definition.reclaimAt ?? reclaimAt, reclaimAt))
            },
            answer: { tenant, isChanged in
                FramedMessage(
                    ByreDeleteResponse.with {
                        $0.tenant = tenant
                        $0.changed = isChanged
                    }
                )
            }
        )
        self.make(change, call)
    }
}
