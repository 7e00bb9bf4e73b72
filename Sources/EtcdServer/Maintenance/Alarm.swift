import ByreCore
import EtcdAPI
import Engine
import GRPC

extension EtcdServer {
    /// `Maintenance/Alarm`: lists, raises or takes back alarms of the tenant.
    func alarm(_ message: RawSpan, _ call: ServerCall) {
        guard let request = self.decode(EtcdAlarmRequest.self, message, call) else { return }
        let tenant = self.tenant(of: call)
        let kind = Int32(truncatingIfNeeded: request.alarm.rawValue)
        switch request.action {
        case .get:
            let state = tenant.snapshot.state
            let alarms = state.alarms.filter { kind == 0 || $0 == kind }
            call.reply(self.alarms(alarms.sorted(), tenant, at: state.revision))
        case .activate:
            self.submit(.alarmActivate(kind), kind, message, call)
        case .deactivate where request.memberID == tenant.memberID:
            self.submit(.alarmDeactivate(kind), kind, message, call)
        case .deactivate:
            // An alarm of a member there is not.
            call.reply(self.alarms([], tenant, at: tenant.snapshot.state.revision))
        case .UNRECOGNIZED:
            call.reply(self.alarms([], tenant, at: tenant.snapshot.state.revision))
        }
    }

    private func submit(
        _ operation: Operation,
        _ kind: Int32,
        _ message: RawSpan,
        _ call: ServerCall
    ) {
        let tenant = self.tenant(of: call)
        self.submit(operation, messageBytes: message.byteCount, of: call) { outcome in
            guard case .alarm(let isNamed, let revision) = outcome else {
                preconditionFailure("an alarm was sent")
            }
            return self.alarms(isNamed ? [kind] : [], tenant, at: revision)
        }
    }

    private func alarms(
        _ alarms: [Int32],
        _ tenant: TenantStore,
        at revision: Int64
    ) -> FramedMessage {
        var response = EtcdAlarmResponse()
        response.header = self.generatedHeader(tenant, at: revision)
        response.alarms = alarms.map { alarm in
            var member = EtcdAlarmMember()
            member.memberID = tenant.memberID
            member.alarm = EtcdAlarmType(rawValue: Int(alarm)) ?? .UNRECOGNIZED(Int(alarm))
            return member
        }
        return self.framed(response)
    }
}
