/// The two programs that the one executable is, told apart by the name it was started under.
package enum Personality: Sendable {
    /// `byre serve`: refuses flags that have no effect.
    case byre
    /// A link named `etcd`: takes etcd's whole command line and environment.
    case etcd

    /// The data directory when no flag names one.
    package func dataDirectory(name: String) -> String {
        switch self {
        case .byre: "\(name).byre"
        case .etcd: "\(name).etcd"
        }
    }

    /// What MemberList tells of peers when no flag says it.
    package var peerURLs: [String] {
        switch self {
        case .byre: []
        case .etcd: ["http://localhost:2380"]
        }
    }

    /// Reads the flags of the server under this name.
    package var parser: FlagParser<ServeOptions> {
        switch self {
        case .byre: FlagParser(table: ServeFlags.table)
        case .etcd: FlagParser(table: ServeFlags.table, etcdPrefix: "ETCD", acceptsAllOfEtcd: true)
        }
    }
}
