import ByreCore
import EtcdAPI
import FoundationEssentials
import SwiftProtobuf

/// An event that was encoded for the tenant, with raw keys.
enum RawEvent {
    /// - Parameter event: field 11 of a WatchResponse, tag and length included.
    static func encoded(_ event: Bytes, under prefix: Bytes) -> Bytes {
        do throws(WireError) {
            var reader = WireReader(event.span.bytes)
            guard try reader.nextField() != nil else { throw .malformed }
            var message = try EtcdEvent(decoding: reader.contents())
            message.kv.key = Data(prefix) + message.kv.key
            if message.hasPrevKv { message.prevKv.key = Data(prefix) + message.prevKv.key }
            let body = message.encoded()
            let length = WireSize.message(length: body.count, field: 11)
            var writer = WireWriter(length: length)
            writer.message(length: body.count, field: 11)
            writer.encoded(body)
            return writer.bytes
        } catch {
            preconditionFailure("the server's own events can be read: \(error)")
        }
    }
}
