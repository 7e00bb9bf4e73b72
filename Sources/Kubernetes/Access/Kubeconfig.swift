import FoundationEssentials
import TLS
import Yams

/// A file that names clusters, users, and which of them go together: what `kubectl` reads.
///
/// Understood are certificates and keys, in files or in place, tokens, in files or in place, and a
/// server's name. What would run a program (`exec`, `auth-provider`) or send a password is refused,
/// and so is `insecure-skip-tls-verify` unless it is asked for.
///
/// Kubernetes: <https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/>
package struct Kubeconfig {
    private let root: Node.Mapping
    private let path: String

    /// Reads the file at `path`.
    /// - Throws: ``APIError/configuration(_:)``.
    package init(at path: String) throws(APIError) {
        try self.init(yaml: try AccessFile.text(path), path: path)
    }

    /// Reads a file's text; files that it names are beside `path`.
    package init(yaml: String, path: String) throws(APIError) {
        self.path = path
        guard let node = try? Yams.compose(yaml: yaml), let root = node.mapping else {
            throw .configuration("\(path): is no kubeconfig")
        }
        self.root = root
    }

    /// How to reach the cluster of a context.
    /// - Parameters:
    ///   - context: nil for the file's current one.
    ///   - allowingInsecure: Whether the file may say that anybody is to be believed.
    package func access(
        context: String? = nil,
        allowingInsecure: Bool = false
    ) throws(APIError) -> ClusterAccess {
        guard let name = context ?? self.root["current-context"]?.string, !name.isEmpty else {
            throw self.problem("has no current-context; name one with --context")
        }
        let context = try self.entry("context", name)
        guard let clusterName = context["cluster"]?.string else {
            throw self.problem("context \"\(name)\" names no cluster")
        }
        let cluster = try self.entry("cluster", clusterName)
        guard let text = cluster["server"]?.string else {
            throw self.problem("cluster \"\(clusterName)\" has no server")
        }
        guard let server = ServerURL(text) else {
            throw self.problem("cluster \"\(clusterName)\": server \"\(text)\" is no URL")
        }
        if cluster["proxy-url"] != nil {
            throw self.problem("cluster \"\(clusterName)\": proxy-url is not supported")
        }
        var access = ClusterAccess(server)
        access.serverName = cluster["tls-server-name"]?.string
        access.trust = try self.trust(in: cluster, clusterName, allowingInsecure)
        access.namespace = context["namespace"]?.string
        guard let userName = context["user"]?.string, !userName.isEmpty else { return access }
        let user = try self.entry("user", userName)
        try self.refuse(user, userName)
        access.identity = try self.identity(in: user, userName)
        if let token = user["token"]?.string, !token.isEmpty {
            access.token = .text(token)
        }
        // The file is preferred, as it is renewed.
        if let file = user["tokenFile"]?.string, !file.isEmpty {
            access.token = .file(self.beside(file))
        }
        if access.token != .none, !server.isTLS {
            throw self.problem("user \"\(userName)\": a token is not sent to an http server")
        }
        return access
    }

    private func problem(_ text: String) -> APIError {
        .configuration("\(self.path): \(text)")
    }

    /// Finds the entry of a name in `clusters`, `users` or `contexts`.
    private func entry(_ kind: String, _ name: String) throws(APIError) -> Node.Mapping {
        let list = self.root[Node(kind + "s")]?.sequence
        guard let entry = list?.first(where: { $0.mapping?["name"]?.string == name }) else {
            throw self.problem("has no \(kind) \"\(name)\"")
        }
        return entry.mapping?[Node(kind)]?.mapping ?? [:]
    }

    private func trust(
        in cluster: Node.Mapping,
        _ name: String,
        _ allowingInsecure: Bool
    ) throws(APIError) -> ClusterAccess.Trust {
        if cluster["insecure-skip-tls-verify"]?.bool == true {
            guard allowingInsecure else {
                throw self.problem(
                    "cluster \"\(name)\" says insecure-skip-tls-verify: then anybody could be the "
                        + "server; give it certificate-authority-data"
                )
            }
            return .anybody
        }
        if let data = cluster["certificate-authority-data"]?.string, !data.isEmpty {
            let place = "\(self.path): certificate-authority-data of cluster \"\(name)\""
            return .pem(TrustedPEM(try self.decoded(data, place), from: place))
        }
        if let file = cluster["certificate-authority"]?.string, !file.isEmpty {
            return .file(self.beside(file))
        }
        return .system
    }

    /// Refuses ways to prove oneself that this client does not have.
    private func refuse(_ user: Node.Mapping, _ name: String) throws(APIError) {
        if user["exec"] != nil {
            throw self.problem(
                "user \"\(name)\" has exec: no program is run for credentials; use a token file or "
                    + "a client certificate"
            )
        }
        for key in ["auth-provider", "username", "password", "as", "as-uid", "as-groups"]
        where user[Node(key)] != nil {
            throw self.problem("user \"\(name)\": \(key) is not supported")
        }
    }

    private func identity(
        in user: Node.Mapping,
        _ name: String
    ) throws(APIError) -> ClusterAccess.Identity {
        let certificate = user["client-certificate"]?.string
        let certificateData = user["client-certificate-data"]?.string
        let key = user["client-key"]?.string
        let keyData = user["client-key-data"]?.string
        guard certificate != nil || certificateData != nil else { return .none }
        guard key != nil || keyData != nil else {
            throw self.problem("user \"\(name)\" has a client certificate without its key")
        }
        if certificateData == nil, keyData == nil, let certificate, let key {
            return .files(certificate: self.beside(certificate), key: self.beside(key))
        }
        let place = "\(self.path): the client certificate of user \"\(name)\""
        return .pem(
            IdentityPEM(
                certificate: try self.bytes(certificateData, certificate, place),
                key: try self.bytes(keyData, key, place),
                from: place
            )
        )
    }

    /// What is in place, or else in a file.
    private func bytes(
        _ data: String?,
        _ file: String?,
        _ place: String
    ) throws(APIError) -> [UInt8] {
        if let data { return try self.decoded(data, place) }
        return try AccessFile.read(self.beside(file ?? ""))
    }

    private func decoded(_ data: String, _ place: String) throws(APIError) -> [UInt8] {
        guard let bytes = Data(base64Encoded: data, options: .ignoreUnknownCharacters) else {
            throw .configuration("\(place) is no base64")
        }
        return Array(bytes)
    }

    /// A path as the kubeconfig means it: beside itself.
    private func beside(_ file: String) -> String {
        guard !file.hasPrefix("/"), let slash = self.path.lastIndex(of: "/") else { return file }
        return "\(self.path[...slash])\(file)"
    }
}
