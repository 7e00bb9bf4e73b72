/// Statements that go to the server together; their answers come together.
///
/// They are one transaction of the server's, unless ``begin()`` and ``commit()`` say otherwise.
/// What stands behind a COMMIT (a NOTIFY) is a transaction of its own, and cannot undo it.
///
/// PostgreSQL: <https://www.postgresql.org/docs/15/libpq-pipeline-mode.html>
package struct Pipeline {
    struct Entry {
        var statement: PostgresStatement
        var values: [PostgresValue]
    }

    private(set) var entries: [Entry] = []

    /// How many statements there are, and so the index of the next one.
    package var count: Int { self.entries.count }

    /// Adds a statement.
    package mutating func add(_ statement: PostgresStatement, _ values: [PostgresValue] = []) {
        self.entries.append(Entry(statement: statement, values: values))
    }

    /// Adds BEGIN. Behind a pooler, what gives the transaction its timeouts goes with it, and
    /// counts as part of it.
    package mutating func begin() { self.add(.begin) }

    /// Adds COMMIT.
    ///
    /// That of a transaction which has failed is an error, where PostgreSQL would answer ROLLBACK;
    /// that which a synchronous standby may not have is an open outcome, an error of kind
    /// `connection`, where PostgreSQL would warn.
    package mutating func commit() { self.add(.commit) }
}
