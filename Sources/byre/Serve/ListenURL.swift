/// Where to listen, or where clients are told to go: `http://10.0.0.1:2379`, `https://...`,
/// `unix:///run/byre.sock`, `unixs://...` (TLS on a unix socket).
package struct ListenURL: Hashable, Sendable {
    package enum Place: Hashable, Sendable {
        /// A host without brackets and a port, 0 for one of the system's choice.
        case host(String, port: Int)
        /// The path of a unix socket.
        case path(String)
    }

    package let isTLS: Bool
    package let place: Place

    package init(isTLS: Bool, place: Place) {
        self.isTLS = isTLS
        self.place = place
    }

    /// The same place under another port; a unix socket has none and stays.
    package func with(port: Int) -> ListenURL {
        guard case .host(let host, port: _) = self.place else { return self }
        return ListenURL(isTLS: self.isTLS, place: .host(host, port: port))
    }

    /// Whether clients on this machine alone can reach a listener here.
    package var isLocal: Bool {
        switch self.place {
        case .host(let host, port: _):
            host == "localhost" || host == "::1" || host.hasPrefix("127.")
        case .path: true
        }
    }

    /// Whether the host stands for every address of the machine, and so names none.
    package var isWildcard: Bool {
        guard case .host(let host, port: _) = self.place else { return false }
        return host == "0.0.0.0" || host == "::"
    }
}

extension ListenURL: CustomStringConvertible {
    package var description: String {
        switch self.place {
        case .host(let host, let port):
            let shown = host.contains(":") ? "[\(host)]" : host
            return "\(self.isTLS ? "https" : "http")://\(shown):\(port)"
        case .path(let path):
            return "\(self.isTLS ? "unixs" : "unix")://\(path)"
        }
    }
}

extension ListenURL: FlagValue {
    package static var placeholder: String { "URL" }

    /// Longest path that fits `sockaddr_un.sun_path` with its terminating zero.
    private static var socketPathBytesMax: Int { 107 }

    package init(flagText: String) throws(FlagValueError) {
        let parts = flagText.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        let hasHost = parts.count == 2 && parts[1].hasPrefix("//")
        let isUnix = parts[0] == "unix" || parts[0] == "unixs"
        // A unix socket has no host, and the slashes before one may be left out.
        guard parts.count == 2, hasHost || isUnix else {
            throw FlagValueError("is not a URL such as http://127.0.0.1:2379 or unix:///run/b.sock")
        }
        let rest = hasHost ? parts[1].dropFirst(2) : parts[1]
        switch parts[0] {
        case "http", "https":
            self.init(isTLS: parts[0] == "https", place: try Self.hostAndPort(rest))
        case "unix", "unixs":
            try self.init(isTLS: parts[0] == "unixs", socketPath: String(rest))
        default:
            throw FlagValueError("has a scheme other than http, https, unix, unixs")
        }
    }

    /// The socket at a path that is not too long for one.
    init(isTLS: Bool, socketPath path: String) throws(FlagValueError) {
        guard !path.isEmpty else { throw FlagValueError("names no socket") }
        guard path.utf8.count <= Self.socketPathBytesMax else {
            throw FlagValueError(
                "has a path longer than the \(Self.socketPathBytesMax) bytes of a unix socket"
            )
        }
        self.init(isTLS: isTLS, place: .path(path))
    }

    package var flagText: String { self.description }

    /// Reads `host:port` or `[host]:port`.
    private static func hostAndPort(_ authority: Substring) throws(FlagValueError) -> Place {
        guard !authority.contains("/") else { throw FlagValueError("must not have a path") }
        guard let colon = authority.lastIndex(of: ":") else {
            throw FlagValueError("names no port")
        }
        var host = authority[..<colon]
        let digits = authority[authority.index(after: colon)...]
        guard digits.allSatisfy({ $0.isASCII && $0.isNumber }), let port = Int(digits),
            port <= Int(UInt16.max)
        else {
            throw FlagValueError("names no port")
        }
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            throw FlagValueError("has an IPv6 address without brackets")
        }
        guard !host.isEmpty else { throw FlagValueError("names no host") }
        return .host(String(host), port: port)
    }
}
