import Foundation

/// A PostgreSQL server of the tests' own: its files in a temporary directory, reached through a
/// socket in it and through a free port of 127.0.0.1.
///
/// It trusts everybody unless a test says otherwise. It ends, and its files go, when the process of
/// the tests ends, however that happens: a watcher waits for that at the end of a pipe.
package final class PostgresCluster: Sendable {
    /// The cluster that the tests of a process share; each makes a database of its own in it.
    package static func shared() throws -> PostgresCluster { try Self.sharedResult.get() }

    private static let sharedResult = Result { try PostgresCluster() }

    package let directory: String
    package let port: Int

    private let programs: String
    /// Held open for the watcher, which reads its other end.
    private let lifeline: CInt

    package struct Failure: Error, CustomStringConvertible {
        package let description: String
    }

    /// Makes and starts a cluster.
    ///
    /// - Parameters:
    ///   - settings: lines for `postgresql.conf`.
    ///   - access: lines for `pg_hba.conf`, before the one that trusts everybody.
    ///   - files: contents of files to make in the data directory, by name; for a server's
    ///     certificate and key.
    package init(
        settings: [String] = [],
        access: [String] = [],
        files: [String: String] = [:]
    ) throws {
        self.programs = try Self.findPrograms()
        self.directory = "/tmp/byre-pg-\(UUID().uuidString.prefix(8))"
        self.port = try Self.freePort()
        var ends: [CInt] = [-1, -1]
        guard pipe(&ends) == 0 else { throw Failure(description: "no pipe: error \(errno)") }
        self.lifeline = ends[1]
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        defer { close(ends[0]) }
        try Shell.launch(Self.preamble + Self.watch, self.environment, input: ends[0])
        try self.shell(Self.create)
        for (name, content) in files {
            try self.shell(
                #"umask 077; as sh -c 'cat > "$1"' - "$data/$NAME""#,
                ["NAME": name],
                input: content
            )
        }
        let configuration = settings.map { $0 + "\n" }.joined()
        try self.shell(#"cat >> "$data/postgresql.conf""#, input: configuration)
        try self.shell(
            """
            cat - "$data/pg_hba.conf" > "$DIRECTORY/access"
            cat "$DIRECTORY/access" > "$data/pg_hba.conf"
            """,
            input: access.map { $0 + "\n" }.joined()
        )
        try self.start()
    }

    deinit {
        close(self.lifeline)
    }

    // MARK: Its life

    /// Starts the server and waits until it takes connections.
    package func start() throws {
        try self.shell(#"control -w -t 60 -l "$DIRECTORY/log" start"#)
    }

    /// Stops the server: `immediate` as a crash would, `fast` in good order.
    package func stop(_ mode: String = "immediate") throws {
        try self.shell("control -w -t 60 -m \(mode) stop")
    }

    // MARK: Its databases

    /// A connection string that goes through the socket.
    /// - Parameter more: further parameters, such as `connect_timeout=2`.
    package func url(
        database: String = "postgres",
        user: String = "postgres",
        _ more: String...
    ) -> String {
        let path = self.directory.replacingOccurrences(of: "/", with: "%2F")
        return "postgresql://\(user)@\(path):\(self.port)/\(database)"
            + (more.isEmpty ? "" : "?" + more.joined(separator: "&"))
    }

    /// Makes an empty database with a name that no other has.
    /// - Returns: its name.
    package func makeDatabase() throws -> String {
        let name = "d" + UUID().uuidString.lowercased().filter { $0 != "-" }
        try self.run("CREATE DATABASE \(name)")
        return name
    }

    /// Runs statements as the superuser.
    /// - Returns: the rows, one line each, with `|` between the columns.
    @discardableResult
    package func run(_ sql: String, in database: String = "postgres") throws -> String {
        try self.shell(
            """
            "$PROGRAMS/psql" -XAtq -v ON_ERROR_STOP=1 -h "$DIRECTORY" -p "$PORT" -U postgres \\
                "$DATABASE"
            """,
            ["DATABASE": database],
            input: sql
        )
    }

    // MARK: Processes

    private var environment: [String: String] {
        ["PROGRAMS": self.programs, "DIRECTORY": self.directory, "PORT": "\(self.port)"]
    }

    /// Before every script. PostgreSQL refuses to run for the superuser of the machine.
    private static let preamble = """
        set -e
        data=$DIRECTORY/data
        as() { if [ "$(id -u)" = 0 ]; then (cd / && runuser -u postgres -- "$@"); else "$@"; fi; }
        control() { as "$PROGRAMS/pg_ctl" -s -D "$data" "$@"; }

        """

    private static let create = """
        mkdir -m 0711 "$DIRECTORY"
        if [ "$(id -u)" = 0 ]; then chown postgres "$DIRECTORY"; fi
        as "$PROGRAMS/initdb" -N -D "$data" -U postgres --auth=trust -E UTF8 --locale=C >/dev/null
        cat >> "$data/postgresql.conf" <<END
        port = $PORT
        listen_addresses = '127.0.0.1'
        unix_socket_directories = '$DIRECTORY'
        shared_buffers = 32MB
        max_connections = 100
        END
        """

    /// Runs until the tests' process has closed its end of the pipe, by ending if not before.
    private static let watch = """
        trap '' INT TERM HUP
        read -r line || true
        control -m immediate stop || true
        rm -rf "$DIRECTORY"
        """

    private static func findPrograms() throws -> String {
        let output = try Shell.run(
            """
            for candidate in "$(pg_config --bindir 2>/dev/null || true)" \\
                $(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -rV) \\
                "$(dirname "$(command -v initdb || true)")"; do
                if [ -x "$candidate/initdb" ] && [ -x "$candidate/psql" ]; then
                    echo "$candidate"; exit
                fi
            done
            echo 'PostgreSQL with initdb, pg_ctl and psql is needed for this test' >&2
            exit 1
            """
        )
        return String(output.drop { $0.isWhitespace }.prefix { !$0.isNewline })
    }

    /// A port of 127.0.0.1 that nobody listened on a moment ago.
    package static func freePort() throws -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                bind(descriptor, pointer, length) == 0
                    && getsockname(descriptor, pointer, &length) == 0
            }
        }
        guard isBound else { throw Failure(description: "no free port: error \(errno)") }
        return Int(UInt16(bigEndian: address.sin_port))
    }

    /// Runs a script with what every one of the cluster needs before it.
    @discardableResult
    private func shell(
        _ script: String,
        _ more: [String: String] = [:],
        input: String = ""
    ) throws -> String {
        try Shell.run(
            Self.preamble + script,
            self.environment.merging(more) { $1 },
            input: input
        )
    }
}
