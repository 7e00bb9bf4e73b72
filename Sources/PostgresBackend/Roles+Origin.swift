import ByreCore
import Postgres

// Which roles are Byre's own to give a password to, and to drop.
//
// Byre's role with `CREATEROLE` may change the password of any role that is no superuser, up to
// PostgreSQL 15. Whoever declares a tenant names its reader's role and gets its password: so a role
// that Byre did not make is not Byre's to change, whatever PostgreSQL allows.
extension SQLReader {
    /// Where a reader's role comes from.
    enum Origin: Hashable {
        /// It was made just now.
        case made
        /// This store has made it, for this tenant or one that is gone.
        case madeBefore
        /// Somebody else has.
        case found
    }

    private static let notePrefix = "reads a tenant of Byre: "

    /// What the comment on a role says that a store has made. Roles are those of all databases of a
    /// server; none but those with `CREATEROLE` may write it.
    static func note(
        _ schema: String,
        _ connection: PostgresConnection
    ) throws(PostgresError) -> String {
        let database = try connection.query("SELECT current_database()::text").first?.text(0)
        return "\(Self.notePrefix)database \(database ?? ""), schema \(schema)"
    }

    /// The comment on a role, empty for none; nil when there is no such role.
    static func note(
        on role: String,
        _ connection: PostgresConnection
    ) throws(PostgresError) -> String? {
        try connection.query(
            """
            SELECT coalesce(shobj_description(oid, 'pg_authid'), '') FROM pg_roles
            WHERE rolname = $1
            """,
            [.text(role)]
        ).first?.text(0)
    }

    /// Refuses a role whose password is not Byre's to set: one that is there, that this store has
    /// not made, and that nobody has given to Byre's role `WITH ADMIN OPTION`.
    static func checkPassword(
        of role: String,
        schema: String,
        on connection: PostgresConnection
    ) throws(Refusal) {
        guard SQLReaderRole.isValidName(role) else { throw .name(role) }
        let isForeign = try Self.asking { () throws(PostgresError) in
            guard let note = try Self.note(on: role, connection) else { return false }
            if note == (try Self.note(schema, connection)) { return false }
            let found = try connection.query(
                PostgresStatement(
                    """
                    SELECT EXISTS (
                            SELECT FROM \(Identifier.quoted(schema)).sql_reader
                            WHERE role = $1 AND is_created),
                        EXISTS (
                            SELECT FROM pg_auth_members
                            JOIN pg_roles AS given ON given.oid = roleid
                            JOIN pg_roles AS own ON own.oid = member
                            WHERE given.rolname = $1 AND own.rolname = current_user
                                AND admin_option)
                    """
                ),
                [.text(role)]
            ).first
            guard let found, !found.bool(0) else { return found == nil }
            // From PostgreSQL 16 on Byre's role has that option on all that any store has made.
            return !found.bool(1) || note.hasPrefix(Self.notePrefix)
        }
        guard !isForeign else { throw .foreign(role) }
    }
}
