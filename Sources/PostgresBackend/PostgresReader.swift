package import ByreCore
import Postgres

/// Reads values on a connection of its own.
///
/// Belongs to one thread.
package final class PostgresReader: BackendReader {
    private let session: Session
    private let homes: Homes

    init(_ session: Session, _ homes: Homes) {
        self.session = session
        self.homes = homes
    }

    deinit {
        self.session.close()
    }

    /// One question, however many rows.
    package func values(
        of tenant: TenantID,
        rows: [RowID],
        _ body: (_ index: Int, _ value: Bytes) -> Void
    ) throws(BackendError) {
        guard !rows.isEmpty else { return }
        let found = try self.session.run { connection throws(PostgresError) in
            try connection.query(
                self.homes.sql(of: tenant).values,
                [.int8(tenant.rawValue), .int8s(rows.map(\.rawValue))]
            )
        }
        var index = 0
        for row in found {
            guard index < rows.count, row.int64(0) == rows[index].rawValue else { break }
            body(index, row.bytes(1))
            index += 1
        }
        guard index == rows.count else {
            // The one who compacted it may be another instance.
            throw .unavailable(
                "row \(rows[index].rawValue) of tenant \(tenant.rawValue) is not there any more"
            )
        }
    }

    package func scan(
        _ tenant: TenantID,
        in span: RowSpan,
        _ body: (_ key: Bytes, _ version: Version, _ value: Bytes) -> Bool
    ) throws(BackendError) {
        guard !span.isEmpty else { return }
        // Goes on behind what was told, if the connection is lost meanwhile.
        var next = span.first.rawValue
        try self.session.run { connection throws(PostgresError) in
            try connection.stream(
                self.homes.sql(of: tenant).scan,
                [.int8(tenant.rawValue), .int8(next), .int8(span.last.rawValue)]
            ) { row in
                next = row.int64(0) + 1
                return body(row.bytes(7), row.version(), row.bytes(9))
            }
        }
    }
}
