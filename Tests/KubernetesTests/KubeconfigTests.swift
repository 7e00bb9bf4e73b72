import FoundationEssentials
import Kubernetes
import TLS
import Testing

@Suite struct KubeconfigTests {
    /// A file with one context, whose cluster and user hold what is given.
    private static func file(
        cluster: String = "",
        user: String = "",
        context: String = ""
    ) -> String {
        """
        apiVersion: v1
        kind: Config
        current-context: here
        contexts:
        - {name: here, context: {cluster: c, user: u\(context)}}
        - {name: there, context: {cluster: other, user: u}}
        clusters:
        - {name: c, cluster: {server: "https://10.0.0.1:6443"\(cluster)}}
        - {name: other, cluster: {server: "https://other.example/k8s/clusters/1/"}}
        users:
        - {name: u, user: {\(user)}}
        """
    }

    private func access(
        _ yaml: String,
        context: String? = nil,
        allowingInsecure: Bool = false
    ) throws(APIError) -> ClusterAccess {
        try Kubeconfig(yaml: yaml, path: "/etc/kube/config")
            .access(context: context, allowingInsecure: allowingInsecure)
    }

    private func message(_ yaml: String, context: String? = nil) -> String {
        do {
            _ = try self.access(yaml, context: context)
            return ""
        } catch {
            return "\(error)"
        }
    }

    @Test func theCurrentContextDecides() throws {
        let access = try self.access(Self.file(context: ", namespace: prod"))
        #expect(access.server == ServerURL("https://10.0.0.1:6443"))
        #expect(access.trust == .system)
        #expect(access.identity == .none)
        #expect(access.token == .none)
        #expect(access.namespace == "prod")
    }

    @Test func anotherContextCanBeNamed() throws {
        let access = try self.access(Self.file(), context: "there")
        #expect("\(access.server)" == "https://other.example:443/k8s/clusters/1")
    }

    @Test func filesAreBesideTheKubeconfig() throws {
        let access = try self.access(
            Self.file(
                cluster: ", certificate-authority: ca.crt, tls-server-name: kubernetes",
                user: "client-certificate: me.crt, client-key: /keys/me.key, tokenFile: token"
            )
        )
        #expect(access.trust == .file("/etc/kube/ca.crt"))
        #expect(access.serverName == "kubernetes")
        #expect(
            access.identity == .files(certificate: "/etc/kube/me.crt", key: "/keys/me.key")
        )
        #expect(access.token == .file("/etc/kube/token"))
    }

    @Test func dataInPlaceGoBeforeFiles() throws {
        let access = try self.access(
            Self.file(
                cluster: ", certificate-authority: ca.crt, certificate-authority-data: Q0E=",
                user: "client-certificate-data: Q0VSVA==, client-key-data: S0VZ"
            )
        )
        guard case .pem(let trusted) = access.trust, case .pem(let identity) = access.identity
        else {
            Issue.record("data are taken")
            return
        }
        #expect(trusted.bytes == Array("CA".utf8))
        #expect(identity.certificate == Array("CERT".utf8))
        #expect(identity.key == Array("KEY".utf8))
        #expect("\(identity)" == "/etc/kube/config: the client certificate of user \"u\"")
    }

    @Test func tokensAreNeverPrinted() throws {
        let access = try self.access(Self.file(user: "token: verysecret"))
        #expect(access.token == .text("verysecret"))
        #expect(!"\(access.token)".contains("verysecret"))
    }

    @Test func whoeverSaysInsecureMustBeAskedTwice() throws {
        let file = Self.file(cluster: ", insecure-skip-tls-verify: true")
        #expect(self.message(file).contains("insecure-skip-tls-verify"))
        #expect(try self.access(file, allowingInsecure: true).trust == .anybody)
    }

    @Test(arguments: [
        ("exec: {command: aws}", "exec: no program is run"),
        ("auth-provider: {name: gcp}", "auth-provider is not supported"),
        ("username: me, password: verysecret", "username is not supported"),
        ("as: root", "as is not supported"),
        ("client-certificate: a.crt", "without its key"),
        ("client-certificate-data: \"*\", client-key-data: \"*\"", "is no base64"),
    ])
    func whatThisClientDoesNotDoIsSaid(user: String, words: String) {
        let message = self.message(Self.file(user: user))
        #expect(message.hasPrefix("/etc/kube/config: "))
        #expect(message.contains(words))
        #expect(!message.contains("verysecret"))
    }

    @Test(arguments: [
        ("", "is no kubeconfig"), ("[]", "is no kubeconfig"), ("{", "is no kubeconfig"),
        ("kind: Config", "no current-context"),
        ("current-context: a", "has no context \"a\""),
        ("{current-context: a, contexts: [{name: a, context: {}}]}", "names no cluster"),
        (
            "{current-context: a, contexts: [{name: a, context: {cluster: b}}]}",
            "has no cluster \"b\""
        ),
        (
            """
            {current-context: a, contexts: [{name: a, context: {cluster: b}}],
             clusters: [{name: b, cluster: {server: "ftp://b"}}]}
            """, "is no URL"
        ),
        (
            """
            {current-context: a, contexts: [{name: a, context: {cluster: b, user: u}}],
             clusters: [{name: b, cluster: {server: "http://b"}}],
             users: [{name: u, user: {token: t}}]}
            """, "a token is not sent to an http server"
        ),
    ])
    func whatIsMissingIsNamed(yaml: String, words: String) {
        #expect(self.message(yaml).contains(words))
    }

    @Test(
        arguments: [
            ("https://a", "https://a:443"), ("http://a:8080", "http://a:8080"),
            ("https://[::1]:6443", "https://[::1]:6443"), ("https://a/", "https://a:443"),
            ("https://a:1/b/c//", "https://a:1/b/c"), ("a:1", nil), ("https://", nil),
            ("https://a:0", nil), ("https://a:65536", nil), ("https://a:b", nil),
            ("https://me@a", nil), ("https://a?b", nil), ("https://[a]", nil),
            ("https://[::1", nil),
        ] as [(String, String?)]
    )
    func serversAreURLs(text: String, expected: String?) {
        #expect(ServerURL(text).map { "\($0)" } == expected)
    }

    // MARK: In a pod

    @Test func aPodFindsItsServiceAccount() throws {
        let folder = FileManager.default.temporaryDirectory
            .appending(path: "byre-pod-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let environment = ["KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"]
        // What is missing is said.
        #expect(throws: APIError.self) {
            try ClusterAccess.inCluster(environment: environment, directory: folder.path)
        }
        for (name, text) in [("ca.crt", "ca"), ("token", "t\n"), ("namespace", "byre-system")] {
            try Data(text.utf8).write(to: folder.appending(path: name))
        }
        let access = try ClusterAccess.inCluster(
            environment: environment,
            directory: folder.path
        )
        #expect("\(access.server)" == "https://[fd00::1]:443")
        #expect(access.token == .file(folder.path + "/token"))
        #expect(access.trust == .file(folder.path + "/ca.crt"))
        #expect(access.namespace == "byre-system")
    }

    @Test func elsewhereThereIsNoPod() {
        #expect(throws: APIError.self) { try ClusterAccess.inCluster(environment: [:]) }
    }
}
