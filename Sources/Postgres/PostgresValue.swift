/// A parameter of a statement.
///
/// An array lets one statement take many rows:
/// `INSERT INTO t SELECT * FROM unnest($1::bigint[], $2::bytea[])`.
package enum PostgresValue: Hashable, Sendable {
    case null
    case int8(Int64)
    case int4(Int32)
    case bool(Bool)
    /// Without zero bytes, which PostgreSQL's `text` cannot hold: the server refuses them.
    case text(String)
    case bytes([UInt8])
    case int8s([Int64])
    case int4s([Int32])
    case texts([String])
    case byteArrays([[UInt8]])

    /// The type's number in `pg_type`; 0 leaves it to the server.
    ///
    /// PostgreSQL: src/include/catalog/pg_type.dat
    var typeID: UInt32 {
        switch self {
        case .null: 0
        case .int8: 20
        case .int4: 23
        case .bool: 16
        case .text: 25
        case .bytes: 17
        case .int8s: 1016
        case .int4s: 1007
        case .texts: 1009
        case .byteArrays: 1001
        }
    }
}
