import EtcdAPI
import Engine
import GRPC

extension EtcdServer {
    /// `Cluster/MemberList`: this server, under the URLs at which clients reach it.
    func memberList(_ message: RawSpan, _ call: ServerCall) {
        guard self.decode(EtcdMemberListRequest.self, message, call) != nil else { return }
        let tenant = self.tenant(of: call)
        var member = EtcdMember()
        member.id = tenant.memberID
        member.name = self.settings.name
        member.peerUrls = self.settings.peerURLs
        member.clientUrls = self.settings.clientURLs
        var response = EtcdMemberListResponse()
        response.header = self.generatedHeader(tenant, at: 0)
        response.members = [member]
        call.reply(self.framed(response))
    }
}
