import Foundation

/// A PgBouncer in transaction mode, with one connection to the server per database; it ends with
/// the test.
package final class Pooler {
    private static let program = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer"]
        .first { FileManager.default.isExecutableFile(atPath: $0) }

    package static var isInstalled: Bool { Self.program != nil }

    private let directory: String
    private let port: Int

    package init(_ cluster: PostgresCluster) throws {
        self.directory = "/tmp/byre-pooler-\(UUID().uuidString.prefix(8))"
        self.port = try PostgresCluster.freePort()
        try self.run(
            """
            mkdir -m 0755 "$DIRECTORY"; cd "$DIRECTORY"
            echo '"postgres" ""' > users
            cat > pgbouncer.ini <<END
            [databases]
            * = host=\(cluster.directory) port=\(cluster.port)
            [pgbouncer]
            listen_addr = 127.0.0.1
            listen_port = \(self.port)
            unix_socket_dir = $DIRECTORY
            auth_type = trust
            auth_file = $DIRECTORY/users
            pool_mode = transaction
            default_pool_size = 1
            logfile = $DIRECTORY/log
            pidfile = $DIRECTORY/pid
            END
            if [ "$(id -u)" = 0 ]; then chown -R postgres .; as='runuser -u postgres --'; fi
            $as \(Self.program ?? "pgbouncer") -q -d pgbouncer.ini
            # It says so once it listens.
            for _ in $(seq 600); do grep -q 'process up' log && exit; sleep 0.1; done
            exit 1
            """
        )
    }

    deinit {
        // Its directory goes too, whatever has become of it.
        try? self.run(#"kill "$(cat "$DIRECTORY/pid")" || true; rm -rf "$DIRECTORY""#)
    }

    package func url(_ database: String) -> String {
        "postgresql://postgres@127.0.0.1:\(self.port)/\(database)"
    }

    private func run(_ script: String) throws {
        try Shell.run("set -e\n" + script, ["DIRECTORY": self.directory])
    }
}
