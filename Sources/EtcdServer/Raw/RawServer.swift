import ByreCore
import EtcdAPI
import Engine
import GRPC

// What an administrator is told of the server as a whole. Ids and revisions are each tenant's own,
// so there are none here.
extension EtcdServer {
    func rawMemberList(_ message: RawSpan, _ call: ServerCall) {
        guard self.decode(EtcdMemberListRequest.self, message, call) != nil else { return }
        var member = EtcdMember()
        member.name = self.settings.name
        member.peerUrls = self.settings.peerURLs
        member.clientUrls = self.settings.clientURLs
        var response = EtcdMemberListResponse()
        response.header.raftTerm = Self.raftTerm
        response.members = [member]
        call.reply(self.framed(response))
    }

    /// Versions, and the sizes of all tenants together.
    func rawStatus(_ message: RawSpan, _ call: ServerCall) {
        guard self.decode(EtcdStatusRequest.self, message, call) != nil else { return }
        var response = EtcdStatusResponse()
        response.header.raftTerm = Self.raftTerm
        response.version = self.settings.version
        response.raftTerm = Self.raftTerm
        response.storageVersion = self.settings.clusterVersion
        response.downgradeInfo = EtcdDowngradeInfo()
        for tenant in self.rawTenants() {
            let state = tenant.snapshot.state
            response.dbSize += state.allocatedBytes
            response.dbSizeInUse += state.usedBytes
        }
        call.reply(self.framed(response))
    }
}
