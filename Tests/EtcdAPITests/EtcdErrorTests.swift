import EtcdAPI
import Testing

@Suite struct EtcdErrorTests {
    /// Cases by gRPC code; those not named here are `InvalidArgument` or `FailedPrecondition`.
    static let codes: [(code: Int, errors: Set<EtcdError>)] = [
        (1, [.watchCanceled, .canceled]),
        (2, [.noPasswordUser, .unknownMethod]),
        (4, [.deadlineExceeded]),
        (5, [.leaseNotFound, .memberNotFound]),
        (7, [.permissionDenied]),
        (8, [.noSpace, .tooManyRequests]),
        (11, [.compacted, .futureRevision, .leaseTTLTooLarge]),
        (12, [.rangeStreamSort, .rangeStreamFilter]),
        (
            14,
            [
                .noLeader, .leaderChanged, .stopped, .timeout, .timeoutLeaderFailure,
                .timeoutConnectionLost, .timeoutWaitingAppliedIndex, .unhealthy,
            ]
        ),
        (15, [.corrupt]),
        (16, [.invalidAuthToken]),
    ]

    /// etcd's client tries again on `Unavailable`, and takes the others for final.
    @Test func codesAreThoseOfEtcd() {
        for (code, errors) in Self.codes {
            #expect(Set(EtcdError.allCases.filter { $0.code == code }) == errors)
        }
        let named = Set(Self.codes.map(\.code))
        for error in EtcdError.allCases where !named.contains(error.code) {
            #expect(error.code == 3 || error.code == 9, "\(error)")
        }
        #expect(EtcdError.allCases.count { $0.code == 3 } == 18)
    }

    /// The client finds an error by its message.
    @Test func messagesAreUnique() {
        let messages = EtcdError.allCases.map(\.message)
        #expect(Set(messages).count == messages.count)
    }

    /// Messages that a client's text match would be tempted to correct.
    @Test(
        arguments: [
            (EtcdError.memberExists, "etcdserver: member ID already exist"),
            (.peerURLsExist, "etcdserver: Peer URLs already exists"),
            (.compacted, "etcdserver: mvcc: required revision has been compacted"),
            (.noSpace, "etcdserver: mvcc: database space exceeded"),
            (.leaseTTLTooLarge, "etcdserver: too large lease TTL"),
            (.rangeStreamSort, "RangeStream does not support custom sort orders"),
        ] as [(EtcdError, String)]
    )
    func messageIsThatOfEtcd(_ error: EtcdError, _ message: String) {
        #expect(error.message == message)
    }
}
