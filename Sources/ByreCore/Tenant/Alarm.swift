/// Something wrong with a tenant that stays wrong until somebody takes the alarm back.
///
/// etcd files an alarm under the member that raised it, and takes whatever member a client names.
/// - Source: etcd `server/etcdserver/api/v3alarm/alarms.go`.
package struct Alarm: Hashable, Comparable, Sendable {
    /// etcd's `AlarmType`.
    package enum Kind: Int32, Comparable, Sendable {
        /// The quota is used up; nothing that needs space is written.
        case noSpace = 1
        /// The data are not to be trusted; nothing is written.
        case corrupt = 2

        package static func < (a: Kind, b: Kind) -> Bool { a.rawValue < b.rawValue }

        /// etcd's name.
        package var name: String {
            switch self {
            case .noSpace: "NOSPACE"
            case .corrupt: "CORRUPT"
            }
        }
    }

    package var kind: Kind
    package var memberID: UInt64

    package init(_ kind: Kind, memberID: UInt64) {
        self.kind = kind
        self.memberID = memberID
    }

    package static func < (a: Alarm, b: Alarm) -> Bool {
        a.kind != b.kind ? a.kind < b.kind : a.memberID < b.memberID
    }
}
