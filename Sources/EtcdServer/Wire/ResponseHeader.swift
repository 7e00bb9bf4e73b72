package import EtcdAPI

/// Says who answered, and at which revision: the first field of nearly every response.
package struct ResponseHeader: Hashable, Sendable {
    /// The tenant's cluster id.
    package var clusterID: UInt64
    /// The tenant's member id.
    package var memberID: UInt64
    package var revision: Int64
    package var raftTerm: UInt64

    package init(clusterID: UInt64, memberID: UInt64, revision: Int64, raftTerm: UInt64) {
        self.clusterID = clusterID
        self.memberID = memberID
        self.revision = revision
        self.raftTerm = raftTerm
    }

    /// The header of an operation inside a transaction: only the outermost says who answered.
    /// - Source: etcd `server/etcdserver/api/v3rpc/header.go`, which fills in that one alone.
    package init(nestedRevision revision: Int64) {
        self.init(clusterID: 0, memberID: 0, revision: revision, raftTerm: 0)
    }

    /// The same answerer at another revision.
    package func at(_ revision: Int64) -> ResponseHeader {
        var header = self
        header.revision = revision
        return header
    }

    /// Length of field 1 holding this header.
    package var encodedLength: Int { WireSize.message(length: self.contentLength, field: 1) }

    /// Writes the header as field 1, even if it is empty: etcd's headers are there, or not at all.
    package func encode(into writer: inout WireWriter) {
        let length = self.contentLength
        writer.numbers(5) { numbers in
            numbers.message(length: length, field: 1)
            numbers.uint64(self.clusterID, field: 1)
            numbers.uint64(self.memberID, field: 2)
            numbers.int64(self.revision, field: 3)
            numbers.uint64(self.raftTerm, field: 4)
        }
    }

    private var contentLength: Int {
        WireSize.uint64(self.clusterID, field: 1)
            + WireSize.uint64(self.memberID, field: 2)
            + WireSize.int64(self.revision, field: 3)
            + WireSize.uint64(self.raftTerm, field: 4)
    }
}
