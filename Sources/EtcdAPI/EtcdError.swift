/// Everything that etcd's API may refuse with: a gRPC code and an exact message.
///
/// etcd's client library recognises errors by their message, letter for letter, and decides by the
/// code whether to try again; so both are part of the API.
///
/// - Source: etcd `api/v3rpc/rpctypes/error.go`; the last four from where they are made, in
///   `server/etcdserver/api/v3rpc` and `server/auth`, outside the client's map.
package enum EtcdError: Error, Hashable, Sendable, CaseIterable {
    /// The request names no key.
    case keyNotProvided
    /// A put that keeps a value or lease finds no key; a transaction holds an empty operation.
    case keyNotFound
    /// A put that keeps the value brings one.
    case valueProvided
    /// A put that keeps the lease brings one.
    case leaseProvided
    /// A transaction passes the bound on operations.
    case tooManyOps
    /// A transaction changes a key twice.
    case duplicateKey
    /// The `client-api-version` of the metadata is not text.
    ///
    /// Not in the client's map.
    case invalidClientAPIVersion
    /// A range is to be sorted in no way known.
    case invalidSortOption
    /// The revision asked for has been forgotten.
    case compacted
    /// The revision asked for does not exist yet.
    case futureRevision
    /// The quota of space is used up.
    case noSpace
    /// There is no such lease.
    case leaseNotFound
    /// There is such a lease already.
    case leaseExists
    /// A lease is to live longer than it may.
    case leaseTTLTooLarge
    /// The client ended its watch stream.
    ///
    /// Not in the client's map.
    case watchCanceled
    /// There is such a member already.
    case memberExists
    /// Another member is found there.
    case peerURLsExist
    /// Too few members run for a change of members.
    ///
    /// etcd's wire says `Unknown`.
    case memberNotEnoughStarted
    /// A member cannot be found at these URLs.
    case memberBadURLs
    /// There is no such member.
    case memberNotFound
    /// A member with a vote is to be given one.
    case memberNotLearner
    /// A learner is to be given a vote too early.
    case learnerNotReady
    /// No more learners may be added.
    case tooManyLearners
    /// The request is meant for another cluster.
    case clusterIDMismatch
    /// The request passes the bound on its size.
    case requestTooLarge
    /// More requests wait than may.
    ///
    /// etcd's wire says `Unknown`.
    case tooManyRequests
    /// Auth is to be enabled without a user `root`.
    case rootUserNotExist
    /// Auth is to be enabled while `root` has no role `root`.
    case rootRoleNotExist
    /// There is such a user already.
    case userExists
    /// No user is named; or nobody has said who they are.
    case userEmpty
    /// There is no such user.
    case userNotFound
    /// There is such a role already.
    case roleExists
    /// There is no such role.
    case roleNotFound
    /// No role is named.
    case roleEmpty
    /// User or password is wrong.
    case authFailed
    /// A permission is to be given, but none is named.
    ///
    /// Not in the client's map.
    case permissionNotGiven
    /// The user may not do this.
    case permissionDenied
    /// The user does not hold the role.
    case roleNotGranted
    /// The role does not hold the permission.
    case permissionNotGranted
    /// Nobody is asked who they are.
    case authNotEnabled
    /// The token proves nobody.
    case invalidAuthToken
    /// The change would lock everybody out, or makes no sense.
    case invalidAuthManagement
    /// Users or roles changed since the token was made.
    case authOldRevision
    /// Nobody leads.
    case noLeader
    /// Another member leads.
    case notLeader
    /// The leader changed meanwhile.
    case leaderChanged
    /// The cluster's version is too old.
    case notCapable
    /// The server is stopping.
    case stopped
    /// The request took too long.
    case timeout
    /// The request took too long because the leader failed.
    case timeoutLeaderFailure
    /// The request took too long because a connection was lost.
    case timeoutConnectionLost
    /// The request took too long because the member is behind.
    ///
    /// Not in the client's map.
    case timeoutWaitingAppliedIndex
    /// Too few members are well.
    case unhealthy
    /// The store contradicts itself.
    case corrupt
    /// A learner does not do this.
    case notSupportedForLearner
    /// The member to lead does not exist, or has no vote.
    case badLeaderTransferee
    /// The version to go down to is not a version.
    case wrongDowngradeVersionFormat
    /// One cannot go down to this version.
    case invalidDowngradeTargetVersion
    /// The cluster's version is not known.
    case clusterVersionUnavailable
    /// A downgrade is under way already.
    case downgradeInProcess
    /// No downgrade is under way.
    case noInflightDowngrade
    /// The client gave up.
    ///
    /// Not in the client's map.
    case canceled
    /// The client's time was up.
    ///
    /// Not in the client's map.
    case deadlineExceeded
    /// A streamed range is to be sorted.
    case rangeStreamSort
    /// A streamed range is to be filtered.
    case rangeStreamFilter
    /// A password is given for a user who has none.
    case noPasswordUser
    /// The action of the request is none known.
    case unknownMethod

    /// The gRPC status code.
    /// - Source: <https://grpc.github.io/grpc/core/md_doc_statuscodes.html>
    package var code: Int { self.row.code.rawValue }

    /// What the client is told.
    package var message: String { self.row.message }

    private enum Code: Int {
        case canceled = 1
        case unknown = 2
        case invalidArgument = 3
        case deadlineExceeded = 4
        case notFound = 5
        case permissionDenied = 7
        case resourceExhausted = 8
        case failedPrecondition = 9
        case outOfRange = 11
        case unimplemented = 12
        case unavailable = 14
        case dataLoss = 15
        case unauthenticated = 16
    }

    /// The table.
    ///
    /// `memberNotEnoughStarted` and `tooManyRequests` leave a real etcd as `Unknown`, by a slip in
    /// `rpc/util.go`, which maps them to the client's error value; here they keep the code that
    /// etcd's own table gives them.
    private var row: (code: Code, message: String) {
        switch self {
        case .keyNotProvided: (.invalidArgument, "etcdserver: key is not provided")
        case .keyNotFound: (.invalidArgument, "etcdserver: key not found")
        case .valueProvided: (.invalidArgument, "etcdserver: value is provided")
        case .leaseProvided: (.invalidArgument, "etcdserver: lease is provided")
        case .tooManyOps: (.invalidArgument, "etcdserver: too many operations in txn request")
        case .duplicateKey: (.invalidArgument, "etcdserver: duplicate key given in txn request")
        case .invalidClientAPIVersion: (.invalidArgument, "etcdserver: invalid client api version")
        case .invalidSortOption: (.invalidArgument, "etcdserver: invalid sort option")
        case .compacted: (.outOfRange, "etcdserver: mvcc: required revision has been compacted")
        case .futureRevision:
            (.outOfRange, "etcdserver: mvcc: required revision is a future revision")
        case .noSpace: (.resourceExhausted, "etcdserver: mvcc: database space exceeded")
        case .leaseNotFound: (.notFound, "etcdserver: requested lease not found")
        case .leaseExists: (.failedPrecondition, "etcdserver: lease already exists")
        case .leaseTTLTooLarge: (.outOfRange, "etcdserver: too large lease TTL")
        case .watchCanceled: (.canceled, "etcdserver: watch canceled")
        case .memberExists: (.failedPrecondition, "etcdserver: member ID already exist")
        case .peerURLsExist: (.failedPrecondition, "etcdserver: Peer URLs already exists")
        case .memberNotEnoughStarted:
            (
                .failedPrecondition,
                "etcdserver: re-configuration failed due to not enough started members"
            )
        case .memberBadURLs: (.invalidArgument, "etcdserver: given member URLs are invalid")
        case .memberNotFound: (.notFound, "etcdserver: member not found")
        case .memberNotLearner:
            (.failedPrecondition, "etcdserver: can only promote a learner member")
        case .learnerNotReady:
            (
                .failedPrecondition,
                "etcdserver: can only promote a learner member which is in sync with leader"
            )
        case .tooManyLearners:
            (.failedPrecondition, "etcdserver: too many learner members in cluster")
        case .clusterIDMismatch: (.failedPrecondition, "etcdserver: cluster ID mismatch")
        case .requestTooLarge: (.invalidArgument, "etcdserver: request is too large")
        case .tooManyRequests: (.resourceExhausted, "etcdserver: too many requests")
        case .rootUserNotExist: (.failedPrecondition, "etcdserver: root user does not exist")
        case .rootRoleNotExist:
            (.failedPrecondition, "etcdserver: root user does not have root role")
        case .userExists: (.failedPrecondition, "etcdserver: user name already exists")
        case .userEmpty: (.invalidArgument, "etcdserver: user name is empty")
        case .userNotFound: (.failedPrecondition, "etcdserver: user name not found")
        case .roleExists: (.failedPrecondition, "etcdserver: role name already exists")
        case .roleNotFound: (.failedPrecondition, "etcdserver: role name not found")
        case .roleEmpty: (.invalidArgument, "etcdserver: role name is empty")
        case .authFailed:
            (.invalidArgument, "etcdserver: authentication failed, invalid user ID or password")
        case .permissionNotGiven: (.invalidArgument, "etcdserver: permission not given")
        case .permissionDenied: (.permissionDenied, "etcdserver: permission denied")
        case .roleNotGranted: (.failedPrecondition, "etcdserver: role is not granted to the user")
        case .permissionNotGranted:
            (.failedPrecondition, "etcdserver: permission is not granted to the role")
        case .authNotEnabled: (.failedPrecondition, "etcdserver: authentication is not enabled")
        case .invalidAuthToken: (.unauthenticated, "etcdserver: invalid auth token")
        case .invalidAuthManagement: (.invalidArgument, "etcdserver: invalid auth management")
        case .authOldRevision: (.invalidArgument, "etcdserver: revision of auth store is old")
        case .noLeader: (.unavailable, "etcdserver: no leader")
        case .notLeader: (.failedPrecondition, "etcdserver: not leader")
        case .leaderChanged: (.unavailable, "etcdserver: leader changed")
        case .notCapable: (.failedPrecondition, "etcdserver: not capable")
        case .stopped: (.unavailable, "etcdserver: server stopped")
        case .timeout: (.unavailable, "etcdserver: request timed out")
        case .timeoutLeaderFailure:
            (.unavailable, "etcdserver: request timed out, possibly due to previous leader failure")
        case .timeoutConnectionLost:
            (.unavailable, "etcdserver: request timed out, possibly due to connection lost")
        case .timeoutWaitingAppliedIndex:
            (
                .unavailable,
                "etcdserver: request timed out, waiting for the applied index took too long"
            )
        case .unhealthy: (.unavailable, "etcdserver: unhealthy cluster")
        case .corrupt: (.dataLoss, "etcdserver: corrupt cluster")
        case .notSupportedForLearner:
            (.failedPrecondition, "etcdserver: rpc not supported for learner")
        case .badLeaderTransferee: (.failedPrecondition, "etcdserver: bad leader transferee")
        case .wrongDowngradeVersionFormat:
            (.invalidArgument, "etcdserver: wrong downgrade target version format")
        case .invalidDowngradeTargetVersion:
            (.invalidArgument, "etcdserver: invalid downgrade target version")
        case .clusterVersionUnavailable:
            (.failedPrecondition, "etcdserver: cluster version not found during downgrade")
        case .downgradeInProcess:
            (.failedPrecondition, "etcdserver: cluster has a downgrade job in progress")
        case .noInflightDowngrade: (.failedPrecondition, "etcdserver: no inflight downgrade job")
        case .canceled: (.canceled, "etcdserver: request canceled")
        case .deadlineExceeded: (.deadlineExceeded, "etcdserver: context deadline exceeded")
        case .rangeStreamSort: (.unimplemented, "RangeStream does not support custom sort orders")
        case .rangeStreamFilter: (.unimplemented, "RangeStream does not support revision filters")
        case .noPasswordUser:
            (.unknown, "auth: authentication failed, password was given for no password user")
        case .unknownMethod: (.unknown, "etcdserver: unknown method")
        }
    }
}
