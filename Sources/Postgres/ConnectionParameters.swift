import CPostgres
import Glibc

/// What libpq is given to connect: Byre's defaults, then the URL, which has the last word.
///
/// PostgreSQL: <https://www.postgresql.org/docs/15/libpq-connect.html#LIBPQ-PQCONNECTDBPARAMS>
struct ConnectionParameters {
    private var pairs: [(key: String, value: String)]

    init(_ url: String, _ options: PostgresOptions) throws(PostgresError) {
        let given = try Self.parse(url)
        var pairs = [
            (key: "fallback_application_name", value: options.applicationName),
            (key: "client_encoding", value: "UTF8"),
        ]
        // A service of libpq, or the environment, is asked only for what is not given here.
        if !Self.isSet("PGCONNECT_TIMEOUT") {
            pairs.append(("connect_timeout", "\(max(2, options.connectTimeoutSeconds))"))
        }
        if !Self.isSet("PGTARGETSESSIONATTRS"), !Self.isSet("PGSERVICE"), given["service"] == nil {
            pairs.append(("target_session_attrs", "read-write"))
        }
        // A host that vanished is noticed within half a minute, also by a connection that waits
        // for notifications.
        pairs += [
            ("keepalives_idle", "10"), ("keepalives_interval", "5"), ("keepalives_count", "4"),
        ]
        pairs.append(("dbname", url))
        self.pairs = pairs
    }

    /// Calls `body` with two lists of C strings that end in nil.
    func withPointers<R>(
        _ body: (
            _ keys: UnsafePointer<UnsafePointer<CChar>?>,
            _ values: UnsafePointer<UnsafePointer<CChar>?>
        ) -> R
    ) -> R {
        let keys = self.pairs.map { strdup($0.key) }
        let values = self.pairs.map { strdup($0.value) }
        defer {
            for string in keys + values { free(string) }
        }
        return body(
            keys.map { UnsafePointer($0) } + [nil],
            values.map { UnsafePointer($0) } + [nil]
        )
    }

    private static func isSet(_ variable: String) -> Bool {
        getenv(variable).map { $0.pointee != 0 } ?? false
    }

    /// The settings that `url` holds.
    ///
    /// libpq's own sentence about a URL that it cannot read quotes it, password included.
    private static func parse(_ url: String) throws(PostgresError) -> [String: String] {
        var sentence: UnsafeMutablePointer<CChar>?
        let options = PQconninfoParse(url, &sentence)
        defer {
            PQconninfoFree(options)
            PQfreemem(sentence)
        }
        guard let options else {
            throw PostgresError(
                kind: .connection,
                message: "the connection string is not one that libpq can read"
            )
        }
        var settings: [String: String] = [:]
        var option = options
        while let keyword = option.pointee.keyword {
            if let value = option.pointee.val {
                settings[String(cString: keyword)] = String(cString: value)
            }
            option += 1
        }
        return settings
    }
}
