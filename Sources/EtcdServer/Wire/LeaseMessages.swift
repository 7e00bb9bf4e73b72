package import ByreCore
package import EtcdAPI

/// LeaseGrantRequest: TTL 1, ID 2.
package struct LeaseGrantRequest: Hashable, Sendable {
    /// Time to live asked for; anything, negative too.
    package var ttlSeconds: Int64 = 0
    /// Number asked for, or none.
    package var id = LeaseID.none

    package init(decoding bytes: RawSpan) throws(WireError) {
        var reader = WireReader(bytes)
        while let field = try reader.nextField() {
            switch (field.number, field.type) {
            case (1, .varint): self.ttlSeconds = try reader.int64()
            case (2, .varint): self.id = LeaseID(rawValue: try reader.int64())
            default: try reader.skip(field)
            }
        }
    }
}

/// LeaseRevokeRequest and LeaseKeepAliveRequest: ID 1.
package struct LeaseIDRequest: Hashable, Sendable {
    package var id = LeaseID.none

    package init(decoding bytes: RawSpan) throws(WireError) {
        var reader = WireReader(bytes)
        while let field = try reader.nextField() {
            switch (field.number, field.type) {
            case (1, .varint): self.id = LeaseID(rawValue: try reader.int64())
            default: try reader.skip(field)
            }
        }
    }
}

/// LeaseTimeToLiveRequest: ID 1, keys 2.
package struct LeaseTimeToLiveRequest: Hashable, Sendable {
    package var id = LeaseID.none
    /// List the keys attached.
    package var keys = false

    package init(decoding bytes: RawSpan) throws(WireError) {
        var reader = WireReader(bytes)
        while let field = try reader.nextField() {
            switch (field.number, field.type) {
            case (1, .varint): self.id = LeaseID(rawValue: try reader.int64())
            case (2, .varint): self.keys = try reader.bool()
            default: try reader.skip(field)
            }
        }
    }
}

/// LeaseGrantResponse and LeaseKeepAliveResponse: header 1, ID 2, TTL 3.
package struct LeaseTTLResponse: WireResponse, Hashable, Sendable {
    package var id: LeaseID
    package var ttlSeconds: Int64

    package init(id: LeaseID, ttlSeconds: Int64) {
        self.id = id
        self.ttlSeconds = ttlSeconds
    }

    package func encodedLength(_ header: ResponseHeader) -> Int {
        header.encodedLength
            + WireSize.int64(self.id.rawValue, field: 2)
            + WireSize.int64(self.ttlSeconds, field: 3)
    }

    package func encode(_ header: ResponseHeader, into writer: inout WireWriter) {
        header.encode(into: &writer)
        writer.int64(self.id.rawValue, field: 2)
        writer.int64(self.ttlSeconds, field: 3)
    }
}

/// LeaseTimeToLiveResponse: header 1, ID 2, TTL 3, grantedTTL 4, keys 5.
package struct LeaseTimeToLiveResponse: WireResponse, Hashable, Sendable {
    package var id: LeaseID
    /// Time left; -1 if there is no such lease.
    package var ttlSeconds: Int64
    package var grantedTTLSeconds: Int64
    package var keys: [Bytes]

    package init(id: LeaseID, ttlSeconds: Int64, grantedTTLSeconds: Int64, keys: [Bytes]) {
        self.id = id
        self.ttlSeconds = ttlSeconds
        self.grantedTTLSeconds = grantedTTLSeconds
        self.keys = keys
    }

    package func encodedLength(_ header: ResponseHeader) -> Int {
        var length =
            header.encodedLength
            + WireSize.int64(self.id.rawValue, field: 2)
            + WireSize.int64(self.ttlSeconds, field: 3)
            + WireSize.int64(self.grantedTTLSeconds, field: 4)
        for key in self.keys { length += WireSize.message(length: key.count, field: 5) }
        return length
    }

    package func encode(_ header: ResponseHeader, into writer: inout WireWriter) {
        header.encode(into: &writer)
        writer.int64(self.id.rawValue, field: 2)
        writer.int64(self.ttlSeconds, field: 3)
        writer.int64(self.grantedTTLSeconds, field: 4)
        for key in self.keys {
            writer.message(length: key.count, field: 5)
            writer.encoded(key)
        }
    }
}

/// LeaseLeasesResponse: header 1, leases 2, each with ID 1.
package struct LeaseLeasesResponse: WireResponse, Hashable, Sendable {
    package var leases: [LeaseID]

    package init(leases: [LeaseID]) {
        self.leases = leases
    }

    package func encodedLength(_ header: ResponseHeader) -> Int {
        var length = header.encodedLength
        for lease in self.leases {
            length += WireSize.message(
                length: WireSize.int64(lease.rawValue, field: 1),
                field: 2
            )
        }
        return length
    }

    package func encode(_ header: ResponseHeader, into writer: inout WireWriter) {
        header.encode(into: &writer)
        for lease in self.leases {
            writer.message(length: WireSize.int64(lease.rawValue, field: 1), field: 2)
            writer.int64(lease.rawValue, field: 1)
        }
    }
}
