/// Why a store cannot be opened: one line for the person who started Byre.
package enum StoreError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Another process has it; `holder` is its process id and host, as far as it told.
    case inUse(path: String, holder: String)
    /// There is something else at this path.
    case foreign(path: String, what: String)
    /// A newer Byre wrote it.
    case newer(path: String, version: Int64, known: Int64)
    /// It is a store, but damaged.
    case corrupt(path: String, what: String)
    /// The operating system refuses, or SQLite does.
    case unusable(path: String, why: String)

    package var description: String {
        switch self {
        case .inUse(let path, let holder):
            "\(path) is in use by \(holder)"
        case .foreign(let path, let what):
            "\(path) is not a Byre store: \(what)"
        case .newer(let path, let version, let known):
            "\(path) has schema version \(version), and this Byre knows versions up to \(known): "
                + "start it with a newer Byre"
        case .corrupt(let path, let what):
            "\(path) is damaged: \(what)"
        case .unusable(let path, let why):
            "cannot use \(path): \(why)"
        }
    }
}
