import ByreTestKit
import TLS
import Testing

/// Loading files: what is wrong with them, in one line that names the file.
@Suite struct ContextTests {
    @Test(
        arguments: [
            ("server.crt", "server.key", nil),
            ("none.crt", "server.key", "certificate file @none.crt: No such file or directory"),
            ("server.crt", "none.key", "key file @none.key: No such file or directory"),
            (".", "server.key", "certificate file @.: Is a directory"),
            ("empty.pem", "server.key", "certificate file @empty.pem: holds no certificate in PEM"),
            ("text.pem", "server.key", "certificate file @text.pem: holds no certificate in PEM"),
            (
                "server.key", "server.key",
                "certificate file @server.key: holds no certificate in PEM"
            ),
            ("crl.der", "server.key", "certificate file @crl.der: holds no certificate in PEM"),
            ("server.crt", "empty.pem", "key file @empty.pem: holds no private key in PEM"),
            ("server.crt", "server.crt", "key file @server.crt: holds no private key in PEM"),
            (
                "server.crt", "locked.key",
                "key file @locked.key: the key is protected by a passphrase"
            ),
            (
                "cut.crt", "server.key",
                "certificate file @cut.crt: holds a malformed certificate: bad end line"
            ),
            (
                "mangled.crt", "server.key",
                "certificate file @mangled.crt: holds a malformed certificate: wrong tag"
            ),
            (
                "second-cut.crt", "server.key",
                "certificate file @second-cut.crt: holds a malformed certificate: bad end line"
            ),
            ("server.crt", "cut.key", "key file @cut.key: holds a malformed private key"),
            (
                "server.crt", "renewed.key",
                "key file @renewed.key: does not match the certificate in @server.crt"
            ),
            (
                "server.crt", "rsa.key",
                "key file @rsa.key: does not match the certificate in @server.crt"
            ),
        ] as [(String, String, String?)]
    )
    func filesAreCheckedWhenLoaded(certificate: String, key: String, problem: String?) {
        check(Self.located(problem)) { () throws(TLSError) in
            _ = try Context(
                server: ServerSettings(
                    certificateFile: PKI.shared.path(certificate),
                    keyFile: PKI.shared.path(key)
                )
            )
        }
    }

    @Test(
        arguments: [
            ("ca.crt", nil),
            ("none.crt", "trusted CA file @none.crt: No such file or directory"),
            ("text.pem", "trusted CA file @text.pem: holds no certificate in PEM"),
            ("cut.crt", "trusted CA file @cut.crt: holds a malformed certificate: bad end line"),
        ] as [(String, String?)]
    )
    func trustedCAIsCheckedWhenLoaded(file: String, problem: String?) {
        check(Self.located(problem)) { () throws(TLSError) in
            _ = try Context(server: .mutual.with { $0.trustedCAFiles = [PKI.shared.path(file)] })
        }
    }

    @Test(
        arguments: [
            ("crl.pem", nil),
            ("crl.der", nil),
            ("none.pem", "revocation list file @none.pem: No such file or directory"),
            ("ca.crt", "revocation list file @ca.crt: holds no revocation list in PEM"),
        ] as [(String, String?)]
    )
    func revocationListIsCheckedWhenLoaded(file: String, problem: String?) {
        check(Self.located(problem)) { () throws(TLSError) in
            _ = try Context(server: .mutual.with { $0.revocationFiles = [PKI.shared.path(file)] })
        }
    }

    /// Root reads everything, so permissions are tried on what even root cannot open.
    @Test func unreadableFilesAreRefused() {
        check("certificate file /proc/self/mem: Input/output error") { () throws(TLSError) in
            _ = try Context(
                server: ServerSettings(
                    certificateFile: "/proc/self/mem",
                    keyFile: PKI.shared.path("server.key")
                )
            )
        }
    }

    @Test func endlessFilesAreRefused() {
        check("key file /dev/zero: is larger than 16777216 bytes") { () throws(TLSError) in
            _ = try Context(server: .plain.with { $0.keyFile = "/dev/zero" })
        }
    }

    @Test func expiredCertificatesWorkWithAWarning() throws {
        let context = try Context(
            server: ServerSettings(
                certificateFile: PKI.shared.path("expired.crt"),
                keyFile: PKI.shared.path("expired.key"),
                trustedCAFile: PKI.shared.path("expired.crt")
            )
        )
        #expect(
            context.warnings.map { $0.replacing(PKI.shared.path(""), with: "@") } == [
                "certificate file @expired.crt: expired on 2020-01-02 00:00:00Z",
                "trusted CA file @expired.crt: 1 of 1: expired on 2020-01-02 00:00:00Z",
            ]
        )
        #expect(try Context(server: .mutual).warnings.isEmpty)
        // 2020-01-02 00:00:00Z.
        let path = PKI.shared.path("expired.crt")
        #expect(
            context.validities == [
                FileValidity(role: .certificate, path: path, endSeconds: 1_577_923_200),
                FileValidity(role: .trustedCA, path: path, endSeconds: 1_577_923_200),
            ]
        )
    }

    @Test(arguments: [
        (
            ServerSettings.plain.with { $0.clientCertificates = .required },
            "client certificates cannot be verified without a trusted CA file"
        ),
        (
            ServerSettings.plain.with { $0.revocationFiles = ["crl.pem"] },
            "a revocation list file needs client certificates to check"
        ),
        (
            ServerSettings.plain.with { $0.allowedCommonNames = ["a"] },
            "allowed client names need client certificates to check"
        ),
        (
            ServerSettings.mutual.with {
                ($0.allowedCommonNames, $0.allowedHostnames) = (["a"], ["b"])
            },
            "allowed common names and allowed host names exclude each other"
        ),
        (
            ServerSettings.plain.with {
                ($0.versions, $0.cipherSuites) = (.tls13 ... .tls13, CipherSuite.all)
            },
            "cipher suites cannot be configured when only TLS1.3 is enabled"
        ),
    ])
    func contradictionsAreRefused(settings: ServerSettings, problem: String) {
        check(problem) { () throws(TLSError) in _ = try Context(server: settings) }
    }

    @Test func clientsKeyAndCertificateComeTogether() {
        check("a client's certificate file and key file come together") { () throws(TLSError) in
            _ = try Context(client: .anonymous.with { $0.keyFile = "client.key" })
        }
    }

    /// `@` in a table stands for the directory of the test PKI.
    private static func located(_ problem: String?) -> String? {
        problem?.replacing("@", with: PKI.shared.path(""))
    }
}
