import EtcdAPI
import GRPC
import SwiftProtobuf

extension AdminServer {
    /// Decodes a request, or ends the call with what is wrong with it.
    func decode<Request: SwiftProtobuf.Message>(
        _ message: RawSpan,
        _ call: ServerCall,
        as type: Request.Type = Request.self
    ) -> Request? {
        do throws(WireError) {
            return try Request(decoding: message)
        } catch {
            call.fail(Status(.invalidArgument, error.message))
            return nil
        }
    }
}

extension FramedMessage {
    init(_ message: some SwiftProtobuf.Message) {
        self.init(reserved: message.encoded(reservingPrefix: FramedMessage.prefixLength))
    }
}
