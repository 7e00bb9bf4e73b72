package import EtcdAPI

/// An answer that knows its length before it is written.
package protocol WireResponse {
    /// Length of the message, without gRPC's prefix.
    func encodedLength(_ header: ResponseHeader) -> Int

    /// Writes the message, fields in the order of their numbers.
    func encode(_ header: ResponseHeader, into writer: inout WireWriter)
}

extension WireResponse {
    /// Encodes the message behind `prefix` zero bytes, in one allocation.
    package func encoded(_ header: ResponseHeader, reservingPrefix prefix: Int = 0) -> [UInt8] {
        var writer = WireWriter(
            length: self.encodedLength(header),
            reservingPrefix: prefix
        )
        self.encode(header, into: &writer)
        return writer.bytes
    }
}

/// An answer that is a header and nothing else: Compact, LeaseRevoke.
package struct HeaderResponse: WireResponse {
    package init() {}

    package func encodedLength(_ header: ResponseHeader) -> Int { header.encodedLength }

    package func encode(_ header: ResponseHeader, into writer: inout WireWriter) {
        header.encode(into: &writer)
    }
}
