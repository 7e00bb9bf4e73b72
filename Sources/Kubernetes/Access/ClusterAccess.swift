package import TLS
import Transport

/// How to reach an API server, and what to show it.
package struct ClusterAccess: Hashable, Sendable {
    /// Whom to believe at an `https` URL.
    package enum Trust: Hashable, Sendable {
        case system
        /// A file that is read anew for each connection.
        case file(String)
        case pem(TrustedPEM)
        /// Anybody. Asked for by a person, and told about.
        case anybody
    }

    /// The certificate to show.
    package enum Identity: Hashable, Sendable {
        case none
        /// Files that are read anew for each connection.
        case files(certificate: String, key: String)
        case pem(IdentityPEM)
    }

    /// The bearer token to show. Never printed.
    package enum Token: Hashable, Sendable, CustomStringConvertible {
        case none
        case text(String)
        /// A file that is read again and again: what is in it ends.
        case file(String)

        package var description: String {
            switch self {
            case .none: "no token"
            case .text: "a token"
            case .file(let path): "a token from \(path)"
            }
        }
    }

    package var server: ServerURL
    package var trust = Trust.system
    package var identity = Identity.none
    package var token = Token.none
    /// The name the server must prove to be, if not that of its URL.
    package var serverName: String?
    /// Where objects are when nobody says where; nil for not known.
    package var namespace: String?

    package init(_ server: ServerURL) {
        self.server = server
    }

    /// Connects, with files as they are now.
    func connect() throws(APIError) -> Client {
        let context = try self.server.isTLS ? self.context() : nil
        do throws(Client.Failure) {
            return try Client(
                to: .tcp(host: self.server.host, port: self.server.port),
                security: context,
                serverName: self.serverName ?? self.server.host
            )
        } catch {
            throw self.explain(error)
        }
    }

    private func context() throws(APIError) -> TLS.Context {
        var settings = ClientSettings()
        switch self.trust {
        case .system: break
        case .file(let path): settings.trustedCAFile = path
        case .pem(let pem): settings.trustedCA = pem
        case .anybody: settings.verifiesServer = false
        }
        switch self.identity {
        case .none: break
        case .files(let certificate, let key):
            settings.certificateFile = certificate
            settings.keyFile = key
        case .pem(let pem): settings.identity = pem
        }
        do throws(TLSError) {
            return try TLS.Context(client: settings)
        } catch {
            throw .configuration("\(error)")
        }
    }

    /// Says for people why a connection failed.
    func explain(_ failure: Client.Failure) -> APIError {
        switch failure {
        case .cannotConnect(let reason): .unreachable("cannot reach \(self.server): \(reason)")
        case .security(let error): .insecure("\(self.server): \(error)")
        case .session: .unreachable("\(self.server) does not speak HTTP/2")
        case .timedOut: .unreachable("\(self.server) does not answer")
        case .closed: .unreachable("\(self.server) closed the connection")
        }
    }
}

/// Where an API server is: `https://10.0.0.1:6443`.
package struct ServerURL: Hashable, Sendable, CustomStringConvertible {
    package var isTLS: Bool
    package var host: String
    package var port: Int
    /// What stands before each path, for servers behind a proxy; empty, or beginning with a slash.
    package var basePath: String

    /// - Returns: nil for what is no URL of a server.
    package init?(_ text: String) {
        guard let scheme = text.firstRange(of: "://") else { return nil }
        switch text[..<scheme.lowerBound] {
        case "https": self.isTLS = true
        case "http": self.isTLS = false
        default: return nil
        }
        let rest = text[scheme.upperBound...]
        let authority = rest.prefix { $0 != "/" }
        guard !rest.contains("?"), !rest.contains("#"), !authority.contains("@") else { return nil }
        let usual = self.isTLS ? 443 : 80
        let portText: Substring
        if authority.hasPrefix("[") {
            guard let end = authority.firstIndex(of: "]") else { return nil }
            self.host = String(authority[authority.index(after: authority.startIndex)..<end])
            portText = authority[authority.index(after: end)...]
            guard self.host.contains(":") else { return nil }
        } else {
            self.host = String(authority.prefix { $0 != ":" })
            portText = authority.dropFirst(self.host.count)
        }
        if portText.isEmpty {
            self.port = usual
        } else {
            guard portText.hasPrefix(":"), let port = UInt16(portText.dropFirst()), port > 0 else {
                return nil
            }
            self.port = Int(port)
        }
        guard !self.host.isEmpty else { return nil }
        var path = rest.dropFirst(authority.count)
        while path.hasSuffix("/") { path.removeLast() }
        self.basePath = String(path)
    }

    package init(isTLS: Bool, host: String, port: Int) {
        self.isTLS = isTLS
        self.host = host
        self.port = port
        self.basePath = ""
    }

    package var description: String {
        let host = self.host.contains(":") ? "[\(self.host)]" : self.host
        return "\(self.isTLS ? "https" : "http")://\(host):\(self.port)\(self.basePath)"
    }
}
