import Engine
package import GRPC

extension EtcdServer {
    /// Finds out who makes a call and lets it in, or answers it.
    /// - Returns: false when the call has been answered.
    func admit(_ call: ServerCall) -> Bool {
        switch self.access.caller(of: call) {
        case .tenant(let tenant):
            call.caller = tenant
            return true
        case .raw:
            call.fail(Self.noRawView)
            return false
        case .rejected(let status):
            call.fail(status)
            return false
        }
    }

    /// Why an open stream must end: its client is not, or not any more, whom it was let in as.
    package func verdict(on call: ServerCall) -> Status? {
        // A call that nobody was found for is not one of these methods.
        guard let admitted = call.caller else { return nil }
        switch self.access.caller(of: call) {
        case .rejected(let status): return status
        case .tenant(let tenant):
            return tenant === admitted ? nil : Self.movedTenant
        case .raw: return Self.movedTenant
        }
    }

    private static let noRawView = Status(
        .unimplemented,
        "byre: administrators cannot see all tenants yet; use the certificate of a tenant"
    )

    /// Clients of etcd open a stream again after this.
    private static let movedTenant = Status(
        .unavailable,
        "byre: the client belongs to another tenant now"
    )
}

/// The handler of a stream that has been answered already.
final class AnsweredStream: StreamHandler {
    func received(_ message: RawSpan) {}
    func halfClosed() {}
    func ended(_ reason: Status) {}
    func drained() {}
}
