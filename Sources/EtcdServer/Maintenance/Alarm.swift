import ByreCore
import EtcdAPI
import Engine
import GRPC

extension EtcdServer {
    /// `Maintenance/Alarm`: lists, raises or takes back alarms of the tenant.
    ///
    /// An alarm of a kind that etcd does not have is not raised, and never there.
    func alarm(_ message: RawSpan, _ call: ServerCall) {
        guard let request = self.decode(EtcdAlarmRequest.self, message, call) else { return }
        let tenant = self.tenant(of: call)
        let kind = Alarm.Kind(rawValue: Int32(truncatingIfNeeded: request.alarm.rawValue))
        switch request.action {
        case .get:
            self.whenCurrent(tenant, call) {
                let state = tenant.snapshot.state
                let alarms = state.alarms.filter { request.alarm == .none || $0.kind == kind }
                call.reply(self.alarms(alarms.sorted(), tenant, at: state.revision))
            }
        case .activate:
            self.submit(kind, request, message, call) { .alarmActivate($0) }
        case .deactivate:
            self.submit(kind, request, message, call) { .alarmDeactivate($0) }
        case .UNRECOGNIZED:
            call.reply(self.alarms([], tenant, at: tenant.snapshot.state.revision))
        }
    }

    private func submit(
        _ kind: Alarm.Kind?,
        _ request: EtcdAlarmRequest,
        _ message: RawSpan,
        _ call: ServerCall,
        _ operation: (Alarm) -> Operation
    ) {
        let tenant = self.tenant(of: call)
        guard let kind else {
            call.reply(self.alarms([], tenant, at: tenant.snapshot.state.revision))
            return
        }
        let alarm = Alarm(kind, memberID: self.alarmedMember(request.memberID, tenant))
        self.submit(operation(alarm), messageBytes: message.byteCount, of: call) {
            server,
            tenant,
            outcome in
            guard case .alarm(let isNamed, let revision) = outcome else {
                preconditionFailure("an alarm was sent")
            }
            return server.alarms(isNamed ? [alarm] : [], tenant, at: revision)
        }
    }

    /// Whose an alarm is in the store: of instances that share one, all have the tenant's alarms, and
    /// each tells them as its own.
    private func alarmedMember(_ memberID: UInt64, _ tenant: TenantStore) -> UInt64 {
        guard let shared = self.store.shared else { return memberID }
        let common = tenant.snapshot.state.memberID
        let isInstance =
            memberID == tenant.memberID
            || shared.keeper.instances.contains { $0.memberID(in: common) == memberID }
        return isInstance ? common : memberID
    }

    /// Whose an alarm is to a client; see ``alarmedMember(_:_:)``.
    func toldMember(of alarm: Alarm, _ tenant: TenantStore) -> UInt64 {
        alarm.memberID == tenant.snapshot.state.memberID ? tenant.memberID : alarm.memberID
    }

    private func alarms(
        _ alarms: [Alarm],
        _ tenant: TenantStore,
        at revision: Int64
    ) -> FramedMessage {
        var response = EtcdAlarmResponse()
        response.header = self.generatedHeader(tenant, at: revision)
        response.alarms = alarms.map { alarm in
            var member = EtcdAlarmMember()
            member.memberID = self.toldMember(of: alarm, tenant)
            member.alarm = alarm.kind == .noSpace ? .nospace : .corrupt
            return member
        }
        return self.framed(response)
    }
}
