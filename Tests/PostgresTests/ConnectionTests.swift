import ByreTestKit
import Foundation
import Postgres
import Testing

@Suite struct ConnectionTests {
    @Test func whatItIsConnectedToCanBeTold() throws {
        let database = try Database()
        let connection = try database.connect { $0.applicationName = "byre-test" }
        #expect(connection.isAlive)
        #expect(connection.serverVersion >= 130_000)
        #expect(connection.tlsVersion == nil)
        #expect(connection.peer.hasPrefix("postgres@"))
        #expect(connection.peer.hasSuffix(":\(database.cluster.port)/\(database.name)"))
        let row = try #require(
            try connection.query(
                "SELECT application_name, pid FROM pg_stat_activity WHERE pid = pg_backend_pid()"
            ).first
        )
        #expect(row.text(0) == "byre-test")
        #expect(row.int32(1) == connection.serverProcess)
        connection.close()
        #expect(!connection.isAlive)
        connection.close()
    }

    @Test func theSessionHasItsTimeouts() throws {
        let connection = try Database().connect { options in
            options.statementTimeoutMilliseconds = 1_234
            options.lockTimeoutMilliseconds = 567
            options.idleInTransactionTimeoutMilliseconds = 0
        }
        #expect(try connection.text("SHOW statement_timeout") == "1234ms")
        #expect(try connection.text("SHOW lock_timeout") == "567ms")
        #expect(try connection.text("SHOW idle_in_transaction_session_timeout") == "0")
    }

    @Test(arguments: [
        "postgresql://u:hidden@[::1/d", "postgresql://u:hidden@h/d?hidden=1", "host=h hidden",
        "postgresql://u:hidden%zz@h/d", "password=hidden host",
    ])
    func aStringThatCannotBeReadIsNotQuoted(url: String) {
        let error = #expect(throws: PostgresError.self) { _ = try PostgresConnection(url) }
        #expect(error?.kind == .connection)
        #expect(error?.message.contains("hidden") == false)
    }

    // MARK: Several hosts

    @Test func aHostThatIsNotThereIsPassedOver() throws {
        let cluster = try PostgresCluster.shared()
        let free = try PostgresCluster.freePort()
        let url = "postgresql://postgres@127.0.0.1:\(free),127.0.0.1:\(cluster.port)/postgres"
        #expect(try PostgresConnection(url).integer("SELECT 1::bigint") == 1)
    }

    @Test func aHostThatTakesNoWritesIsPassedOver() throws {
        let standby = try PostgresCluster(settings: ["default_transaction_read_only = on"])
        let cluster = try PostgresCluster.shared()
        let hosts = "127.0.0.1:\(standby.port),127.0.0.1:\(cluster.port)"
        let url = "postgresql://postgres@\(hosts)/postgres"
        let port: PostgresStatement = "SELECT inet_server_port()"
        let writable = try PostgresConnection(url)
        #expect(try writable.query(port).first?.int64(0) == Int64(cluster.port))
        let any = try PostgresConnection(url + "?target_session_attrs=any")
        #expect(try any.query(port).first?.int64(0) == Int64(standby.port))
        let error = #expect(throws: PostgresError.self) {
            _ = try PostgresConnection(standby.url())
        }
        #expect(error?.message.contains("session is read-only") == true)
    }

    // MARK: Passwords and services

    private static func makeGuardedCluster() throws -> PostgresCluster {
        let cluster = try PostgresCluster(access: ["host all keeper 127.0.0.1/32 scram-sha-256"])
        try cluster.run("CREATE ROLE keeper LOGIN PASSWORD 'hidden-word'")
        return cluster
    }

    @Test func aPasswordComesFromTheURLOrAFileAndIsNeverTold() throws {
        let cluster = try Self.makeGuardedCluster()
        let host = "127.0.0.1:\(cluster.port)/postgres"
        let user: PostgresStatement = "SELECT current_user::text"
        let given = try PostgresConnection("postgresql://keeper:hidden-word@\(host)")
        #expect(try given.query(user).first?.text(0) == "keeper")
        #expect(!given.peer.contains("hidden"))

        for password in ["hidden-mistake", ""] {
            let error = #expect(throws: PostgresError.self) {
                _ = try PostgresConnection("postgresql://keeper:\(password)@\(host)?passfile=/none")
            }
            #expect(error?.kind == .connection)
            #expect(error?.message.contains("hidden") == false)
        }

        let path = "\(cluster.directory)/passfile"
        let line = Data("127.0.0.1:\(cluster.port):*:keeper:hidden-word\n".utf8)
        #expect(
            FileManager.default.createFile(
                atPath: path,
                contents: line,
                attributes: [.posixPermissions: 0o600]
            )
        )
        let filed = try PostgresConnection("postgresql://keeper@\(host)?passfile=\(path)")
        #expect(try filed.query(user).first?.text(0) == "keeper")
    }

    @Test func aServiceIsLookedUp() throws {
        let cluster = try PostgresCluster.shared()
        let path = "\(cluster.directory)/services"
        let text = """
            [byre-test]
            host=\(cluster.directory)
            port=\(cluster.port)
            user=postgres
            dbname=template1

            """
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        setenv("PGSERVICEFILE", path, 1)
        defer { unsetenv("PGSERVICEFILE") }
        for url in ["service=byre-test", "postgresql://?service=byre-test"] {
            let connection = try PostgresConnection(url)
            #expect(connection.peer.hasSuffix("\(cluster.port)/template1"))
        }
    }

    // MARK: TLS

    @Test func tlsIsVerifiedToTheNameOfTheServer() throws {
        let authority = try Authority()
        let cluster = try PostgresCluster(
            settings: ["ssl = on", "ssl_cert_file = 'tls.crt'", "ssl_key_file = 'tls.key'"],
            access: ["hostnossl all all 127.0.0.1/32 reject"],
            files: [
                "tls.crt": try authority.text("server.crt"),
                "tls.key": try authority.text("server.key"),
            ]
        )
        func url(_ host: String, _ ca: String) -> String {
            "postgresql://postgres@\(host):\(cluster.port)/postgres"
                + "?sslmode=verify-full&sslrootcert=\(authority.directory)/\(ca)&hostaddr=127.0.0.1"
        }
        let connection = try PostgresConnection(url("db.example", "ca.crt"))
        #expect(connection.tlsVersion == "TLSv1.3")
        #expect(try connection.integer("SELECT 1::bigint") == 1)
        // Answers of several records, and a wait that another record ends.
        let body = [UInt8](repeating: 9, count: 1 << 20)
        #expect(try connection.query("SELECT $1", [.bytes(body)]).first?.bytes(0) == body)

        for (host, ca) in [("other.example", "ca.crt"), ("db.example", "other.crt")] {
            let error = #expect(throws: PostgresError.self) {
                _ = try PostgresConnection(url(host, ca))
            }
            #expect(error?.kind == .connection)
        }
        let plain = #expect(throws: PostgresError.self) {
            _ = try PostgresConnection(
                "postgresql://postgres@127.0.0.1:\(cluster.port)/postgres?sslmode=disable"
            )
        }
        #expect(plain?.message.contains("no encryption") == true)
    }
}

/// Two authorities, and a server's certificate by the first, made by the `openssl` command.
private final class Authority {
    let directory: String

    init() throws {
        let url = FileManager.default.temporaryDirectory
            .appendingPathComponent("byre-pg-ca-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        self.directory = url.path
        try Shell.run(
            """
            set -e; cd "$DIRECTORY"
            new='openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 9'
            for name in ca other; do
                $new -keyout $name.key -out $name.crt -subj /CN=$name \\
                    -addext basicConstraints=critical,CA:TRUE
            done
            $new -keyout server.key -out server.crt -subj /CN=server -CA ca.crt -CAkey ca.key \\
                -addext basicConstraints=critical,CA:FALSE -addext subjectAltName=DNS:db.example
            """,
            ["DIRECTORY": self.directory]
        )
    }

    deinit {
        try? FileManager.default.removeItem(atPath: self.directory)
    }

    func text(_ name: String) throws -> String {
        try String(contentsOfFile: "\(self.directory)/\(name)", encoding: .utf8)
    }
}
