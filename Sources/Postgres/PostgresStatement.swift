/// A statement with parameters `$1`, `$2`, ...; a connection prepares it when it first meets it.
///
/// Its parameters get the types of the first values it is run with, NULL none: cast a parameter
/// that can be NULL (`$1::bigint`). Values of later runs are of the same cases.
package struct PostgresStatement: Hashable, Sendable, ExpressibleByStringLiteral {
    package let sql: String

    package init(_ sql: String) {
        self.sql = sql
    }

    package init(stringLiteral sql: String) {
        self.sql = sql
    }

    static let begin: PostgresStatement = "BEGIN"
    static let commit: PostgresStatement = "COMMIT"
}
