import EtcdAPI
import Engine
import GRPC
import SwiftProtobuf

/// RPCs off the hot path use generated messages.
extension EtcdServer {
    /// Decodes a request, or ends the call with what is wrong with it.
    func decode<Request: SwiftProtobuf.Message>(
        _ type: Request.Type,
        _ message: RawSpan,
        _ call: ServerCall
    ) -> Request? {
        do throws(WireError) {
            return try Request(decoding: message)
        } catch {
            call.fail(Status(error))
            return nil
        }
    }

    func framed(_ message: some SwiftProtobuf.Message) -> FramedMessage {
        FramedMessage(
            reserved: message.encoded(reservingPrefix: FramedMessage.prefixLength)
        )
    }

    /// A tenant's header as a generated message. Revision 0 is left out, as in the answers about
    /// members.
    func generatedHeader(_ tenant: TenantStore, at revision: Int64) -> EtcdResponseHeader {
        var header = EtcdResponseHeader()
        header.clusterID = tenant.clusterID
        header.memberID = tenant.memberID
        header.revision = revision
        header.raftTerm = Self.raftTerm
        return header
    }
}
