/// Which database holds the tenants: `sqlite:///var/lib/byre/byre.db`, or
/// `postgresql://byre@db1,db2/byre?schema=byre`.
package enum StoreURL: Hashable, Sendable {
    /// An SQLite database file.
    case sqlite(path: String)
    /// A schema in a PostgreSQL database; the URL as it was given, password included.
    case postgres(url: String)

    static let postgresSchemes = ["postgresql://", "postgres://"]
}

extension StoreURL: FlagValue {
    package static var placeholder: String { "URL" }

    package init(flagText: String) throws(FlagValueError) {
        if Self.postgresSchemes.contains(where: flagText.hasPrefix) {
            self = try Self.postgres(checking: flagText)
            return
        }
        let scheme = "sqlite://"
        guard flagText.hasPrefix(scheme) else {
            throw FlagValueError(
                "is not the URL of a store such as sqlite:///var/lib/byre/byre.db or "
                    + "postgresql://user@host/database?schema=byre",
                shown: URLSecrets.masked(flagText)
            )
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
        case .postgres(let url): url
        }
    }

    private static func postgres(checking url: String) throws(FlagValueError) -> StoreURL {
        let mark = url.firstIndex(of: "?") ?? url.endIndex
        let scheme = Self.postgresSchemes.first(where: url.hasPrefix) ?? ""
        let authority = url[..<mark].dropFirst(scheme.count)
        guard let at = authority.firstIndex(of: "@") else { return .postgres(url: url) }
        // libpq ends the password at the first of these, and would take the rest for a host.
        let isPlain = !authority[..<at].contains("/") && !authority[at...].dropFirst().contains("@")
        guard isPlain else {
            throw FlagValueError(
                "has a user or a password with / or @ in it: write %2F and %40",
                shown: URLSecrets.masked(url)
            )
        }
        return .postgres(url: url)
    }
}

extension StoreURL: CustomStringConvertible {
    /// For logs and messages: the path of a file, or the URL without its password.
    package var description: String {
        switch self {
        case .sqlite(let path): path
        case .postgres(let url): URLSecrets.masked(url)
        }
    }
}
