import ByreCore
import EtcdAPI
import Engine
import GRPC

extension EtcdServer {
    /// `Cluster/MemberList`: this server, or all instances of a shared store that live, under the URLs at
    /// which clients reach them.
    func memberList(_ message: RawSpan, _ call: ServerCall) {
        guard let request = self.decode(EtcdMemberListRequest.self, message, call) else { return }
        let tenant = self.tenant(of: call)
        let answer = {
            var response = EtcdMemberListResponse()
            response.header = self.generatedHeader(tenant, at: 0)
            response.members = self.members(of: tenant)
            call.reply(self.framed(response))
        }
        guard request.linearizable else { return answer() }
        self.whenCurrent(tenant, call, answer)
    }

    /// The servers of a tenant.
    private func members(of tenant: TenantStore) -> [EtcdMember] {
        guard let shared = self.store.shared else {
            return [self.member(tenant.memberID, self.settings.name, self.settings.clientURLs)]
        }
        let memberID = tenant.snapshot.state.memberID
        return shared.keeper.instances.sorted { $0.id < $1.id }.map { instance in
            self.member(instance.memberID(in: memberID), instance.name, instance.clientURLs)
        }
    }

    private func member(_ id: UInt64, _ name: String, _ clientURLs: [String]) -> EtcdMember {
        var member = EtcdMember()
        member.id = id
        member.name = name
        member.peerUrls = self.settings.peerURLs
        member.clientUrls = clientURLs
        return member
    }

    /// The member that is named the leader: this server, or the instance with the least number, so that all
    /// name the same.
    func leaderID(of tenant: TenantStore) -> UInt64 {
        let first = self.store.shared?.keeper.instances.min { $0.id < $1.id }
        return first?.memberID(in: tenant.snapshot.state.memberID) ?? tenant.memberID
    }
}
