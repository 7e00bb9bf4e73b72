package import ByreCore

/// Where a store is: a schema of a database of PostgreSQL.
///
///     postgresql://user@host1,host2/database?schema=byre&pooled=true&sslmode=verify-full
///
/// `schema` (`byre`) and `pooled` (`false`: whether PgBouncer stands between, with
/// `pool_mode = transaction`) are Byre's; everything else is libpq's.
package struct StoreAddress: Hashable, Sendable {
    /// What libpq is given.
    package let url: String
    package let schema: String
    package let isPooled: Bool

    package static let schemes = ["postgresql://", "postgres://"]
    package static let defaultSchema = "byre"

    package init(_ url: String) throws(StoreError) {
        var schema = Self.defaultSchema
        var isPooled = false
        let halves = url.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        var others: [Substring] = []
        for setting in halves.count > 1 ? halves[1].split(separator: "&") : [] {
            let pair = setting.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let value = pair.count > 1 ? String(pair[1]) : ""
            switch pair[0] {
            case "schema": schema = value
            case "pooled":
                guard value == "true" || value == "false" else {
                    throw Self.unusable(url, "pooled is true or false")
                }
                isPooled = value == "true"
            default: others.append(setting)
            }
        }
        guard Self.isValidSchema(schema) else {
            throw Self.unusable(
                url,
                "a schema's name is 1 to \(Self.schemaBytesMax) of a-z, 0-9 and _, "
                    + "begins with no digit and not with pg_"
            )
        }
        self.url =
            others.isEmpty ? String(halves[0]) : "\(halves[0])?\(others.joined(separator: "&"))"
        self.schema = schema
        self.isPooled = isPooled
    }

    /// Another schema of the same database.
    init(_ address: StoreAddress, schema: String) {
        self.url = address.url
        self.schema = schema
        self.isPooled = address.isPooled
    }

    /// What libpq is given, to ask its hosts from another one on. Those that are not named between `//` and
    /// `/` stay in their order.
    func url(from host: Int) -> String {
        guard let scheme = Self.schemes.first(where: self.url.hasPrefix) else { return self.url }
        let rest = self.url.dropFirst(scheme.count)
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        let user = authority.lastIndex(of: "@").map { authority[...$0] } ?? ""
        let hosts = authority.dropFirst(user.count).split(separator: ",")
        guard hosts.count > 1 else { return self.url }
        let first = host % hosts.count
        let turned = (hosts[first...] + hosts[..<first]).joined(separator: ",")
        return scheme + user + turned + rest.dropFirst(authority.count)
    }

    private static func unusable(_ url: String, _ why: String) -> StoreError {
        StoreError.unusable(path: Self.withoutSecrets(url), why: why)
    }

    /// Most bytes of a schema's name: less than PostgreSQL's 63, for names made from it.
    package static let schemaBytesMax = 50

    /// Whether `name` needs no quotes, whoever types it.
    package static func isValidSchema(_ name: String) -> Bool {
        let bytes = Array(name.utf8)
        guard (1...Self.schemaBytesMax).contains(bytes.count), !name.hasPrefix("pg_") else {
            return false
        }
        let letters = UInt8(ascii: "a")...UInt8(ascii: "z")
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        return !digits.contains(bytes[0])
            && bytes.allSatisfy {
                letters.contains($0) || digits.contains($0) || $0 == UInt8(ascii: "_")
            }
    }

    /// The address without user, password and settings.
    private static func withoutSecrets(_ url: String) -> String {
        let base = url.split(separator: "?", omittingEmptySubsequences: false)[0]
        guard let scheme = Self.schemes.first(where: base.hasPrefix) else { return "the store" }
        let rest = base.dropFirst(scheme.count)
        let host = rest.lastIndex(of: "@").map { rest[rest.index(after: $0)...] } ?? rest
        return scheme + host
    }
}

extension StoreAddress: CustomStringConvertible {
    /// For a log: hosts, database and schema.
    package var description: String { "\(Self.withoutSecrets(self.url)) schema \(self.schema)" }
}
