import ByreCore
import Engine
package import GRPC

extension EtcdServer {
    /// What a method is for those who make the call.
    enum Admission {
        case tenant
        case raw
        /// The call has been answered.
        case none
    }

    /// Finds out who makes a call and lets it in, or answers it.
    func admit(_ call: ServerCall) -> Admission {
        switch self.access.caller(of: call) {
        case .tenant(let tenant):
            call.caller = tenant
            return .tenant
        case .raw(let administrator):
            call.caller = RawCaller(administrator: administrator)
            return .raw
        case .rejected(let status):
            if status == TenantAccess.noSeat {
                // Of connections that may not be used there are to be none.
                call.failWithConnection(status)
            } else {
                call.fail(status)
            }
            return .none
        }
    }

    /// Why an open stream must end: its client is not, or not any more, whom it was let in as.
    package func verdict(on call: ServerCall) -> Status? {
        // A call that nobody was found for is not one of these methods.
        guard let admitted = call.caller else { return nil }
        switch (self.access.caller(of: call), admitted) {
        case (.rejected(let status), _): return status
        case (.tenant(let tenant), _): return tenant === admitted ? nil : Self.movedClient
        case (.raw, let raw as RawCaller):
            guard let tenant = raw.tenant, tenant.lifecycle == .deleting else { return nil }
            return RawRefusal.notOneTenant.status
        case (.raw, _): return Self.movedClient
        }
    }

    /// Clients of etcd open a stream again after this.
    private static let movedClient = Status(
        .unavailable,
        "byre: the client stands for somebody else now"
    )
}

/// The handler of a stream that has been answered already.
package final class AnsweredStream: StreamHandler {
    package init() {}
    package func received(_ message: RawSpan) {}
    package func halfClosed() {}
    package func ended(_ reason: Status) {}
    package func drained() {}
}
