import ByreCore
import EtcdAPI
import Engine
import GRPC

extension EtcdServer {
    /// `Maintenance/Status`: versions, sizes and errors of the tenant.
    func status(_ message: RawSpan, _ call: ServerCall) {
        guard self.decode(EtcdStatusRequest.self, message, call) != nil else { return }
        let tenant = self.tenant(of: call)
        let state = tenant.snapshot.state
        // etcd counts every proposal; a store that has none yet is at 1.
        let index = UInt64(clamping: state.sequence) + 1
        var response = EtcdStatusResponse()
        response.header = self.generatedHeader(tenant, at: state.revision)
        response.version = self.settings.version
        response.dbSize = state.allocatedBytes
        response.dbSizeInUse = state.usedBytes
        response.dbSizeQuota = tenant.quota.bytes ?? 0
        response.leader = self.leaderID(of: tenant)
        response.raftIndex = index
        response.raftAppliedIndex = index
        response.raftTerm = Self.raftTerm
        response.storageVersion = self.settings.clusterVersion
        response.downgradeInfo = EtcdDowngradeInfo()
        response.errors = state.alarms.sorted().map {
            "memberID:\(self.toldMember(of: $0, tenant)) alarm:\($0.kind.name) "
        }
        call.reply(self.framed(response))
    }
}
