import Glibc

/// Where the server listens, with the ports it really has, and where it sends its clients.
struct Places: Sendable {
    let client: [ListenURL]
    let http: [ListenURL]
    let metrics: [ListenURL]
    /// What MemberList tells clients.
    let advertised: [ListenURL]

    var all: [ListenURL] { self.client + self.http + self.metrics }

    /// Looks whether all places that the flags name are free.
    /// - Throws: ``StartError`` for the first one that is not.
    init(_ configuration: ServeConfiguration) throws(StartError) {
        let options = configuration.options
        let directory = configuration.dataDirectory
        self.client = try Self.check(options.listenClientURLs, directory)
        self.http = try Self.check(options.listenClientHTTPURLs, directory)
        self.metrics = try Self.check(options.listenMetricsURLs, directory)
        self.advertised =
            options.advertiseClientURLs.isEmpty
            ? self.client.map(Self.reachable) : options.advertiseClientURLs
    }

    private static func check(
        _ urls: [ListenURL],
        _ dataDirectory: String
    ) throws(StartError) -> [ListenURL] {
        var checked: [ListenURL] = []
        for url in urls {
            checked.append(try ListenCheck.check(url, directoryToMake: dataDirectory))
        }
        return checked
    }

    /// Replaces a host that stands for all addresses by a name that clients can use.
    private static func reachable(_ url: ListenURL) -> ListenURL {
        guard url.isWildcard, case .host(_, let port) = url.place else { return url }
        return ListenURL(isTLS: url.isTLS, place: .host(hostName(), port: port))
    }
}

/// The machine's name, `localhost` if it has none.
func hostName() -> String {
    let bytesMax = 256
    let name = String(unsafeUninitializedCapacity: bytesMax) { buffer in
        buffer.withMemoryRebound(to: CChar.self) { characters in
            // The last byte stays free for the zero that a cut name lacks.
            guard let first = characters.baseAddress, gethostname(first, bytesMax - 1) == 0 else {
                return 0
            }
            return strnlen(first, bytesMax - 1)
        }
    }
    return name.isEmpty ? "localhost" : name
}
