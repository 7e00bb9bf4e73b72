/// Which database holds the tenants: `sqlite:///var/lib/byre/byre.db`.
package enum StoreURL: Hashable, Sendable {
    /// An SQLite database file.
    case sqlite(path: String)
}

extension StoreURL: FlagValue {
    package static var placeholder: String { "URL" }

    package init(flagText: String) throws(FlagValueError) {
        let scheme = "sqlite://"
        guard flagText.hasPrefix(scheme) else {
            throw FlagValueError("is not the URL of a store such as sqlite:///var/lib/byre/byre.db")
        }
        let path = String(flagText.dropFirst(scheme.count))
        guard path.hasPrefix("/"), !path.hasSuffix("/") else {
            throw FlagValueError("must hold the absolute path of a file: sqlite:///path/to/byre.db")
        }
        self = .sqlite(path: path)
    }

    package var flagText: String {
        switch self {
        case .sqlite(let path): "sqlite://\(path)"
        }
    }
}
