import EtcdAPI
import SwiftProtobuf
import Testing

/// Generated messages: their names, and how bad ones are refused.
@Suite struct MessageTests {
    @Test func malformedMessageIsRefused() {
        let bytes: [UInt8] = [0x0a, 0x7f]
        #expect(throws: WireError.malformed) {
            try EtcdMemberAddRequest(decoding: bytes.span.bytes)
        }
    }

    @Test func stringThatIsNotTextIsRefused() {
        let bytes: [UInt8] = [0x0a, 0x01, 0xff]
        #expect(throws: WireError.invalidUTF8) {
            try EtcdMemberAddRequest(decoding: bytes.span.bytes)
        }
    }

    @Test func deepNestingIsRefused() {
        var op = EtcdRequestOp()
        var txn = EtcdTxnRequest()
        for _ in 0..<120 {
            op.requestTxn = txn
            txn = EtcdTxnRequest()
            txn.success = [op]
        }
        let bytes = txn.encoded()
        #expect(throws: WireError.tooDeep) { try EtcdTxnRequest(decoding: bytes.span.bytes) }
    }

    /// etcd's JSON is made of the names in the .proto files, whose style is not uniform.
    @Test func namesAreThoseOfEtcd() throws {
        var options = JSONEncodingOptions()
        options.preserveProtoFieldNames = true

        var status = EtcdStatusResponse()
        status.dbSize = 1
        status.downgradeInfo.targetVersion = "3.6.0"
        status.header.clusterID = 2
        #expect(
            try status.jsonString(options: options)
                == #"{"header":{"cluster_id":"2"},"dbSize":"1","#
                + #""downgradeInfo":{"targetVersion":"3.6.0"}}"#
        )

        var lease = EtcdLeaseTimeToLiveResponse()
        lease.id = 1
        lease.ttl = 2
        lease.grantedTtl = 3
        #expect(
            try lease.jsonString(options: options)
                == #"{"ID":"1","TTL":"2","grantedTTL":"3"}"#
        )
    }

    @Test(
        arguments: [
            (EtcdRangeRequest.protoMessageName, "etcdserverpb.RangeRequest"),
            (EtcdKeyValue.protoMessageName, "mvccpb.KeyValue"),
            (EtcdPermission.protoMessageName, "authpb.Permission"),
            (EtcdLockRequest.protoMessageName, "v3lockpb.LockRequest"),
            (EtcdCampaignRequest.protoMessageName, "v3electionpb.CampaignRequest"),
            (GRPCHealthCheckRequest.protoMessageName, "grpc.health.v1.HealthCheckRequest"),
        ])
    func packagesAreThoseOfEtcd(_ name: String, _ expected: String) {
        #expect(name == expected)
    }
}
