import ByreCore
import PostgresBackend

/// Which database holds the tenants: `sqlite:///var/lib/byre/byre.db`, or
/// `postgresql://byre@db1,db2/byre?schema=byre`.
package enum StoreURL: Hashable, Sendable {
    /// An SQLite database file.
    case sqlite(path: String)
    /// A schema in a PostgreSQL database; the URL as it was given, password included.
    case postgres(url: String)
}

extension StoreURL: FlagValue {
    package static var placeholder: String { "URL" }

    package init(flagText: String) throws(FlagValueError) {
        if StoreAddress.schemes.contains(where: flagText.hasPrefix) {
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
        let scheme = StoreAddress.schemes.first(where: url.hasPrefix) ?? ""
        let authority = url[..<mark].dropFirst(scheme.count)
        if let at = authority.firstIndex(of: "@") {
            // libpq ends the password at the first of these, and takes the rest for a host.
            let rest = authority[at...].dropFirst()
            guard !authority[..<at].contains("/"), !rest.contains("@") else {
                throw FlagValueError(
                    "has a user or a password with / or @ in it: write %2F and %40",
                    shown: URLSecrets.masked(url)
                )
            }
        }
        do throws(StoreError) {
            _ = try StoreAddress(url)
        } catch .unusable(_, let why) {
            throw FlagValueError("cannot be used: \(why)", shown: URLSecrets.masked(url))
        } catch {
            throw FlagValueError("cannot be used: \(error)", shown: URLSecrets.masked(url))
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
