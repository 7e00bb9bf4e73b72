import Glibc
import Tenancy
import Transport

/// Where the server listens, with the ports it really has, and where it sends its clients.
struct Places: Sendable {
    /// A listener whose address is taken.
    struct Place: Sendable {
        /// With the port that the system chose.
        let spec: ListenerSpec
        /// Nil for a unix socket, whose file is made last.
        let socket: BoundSocket?
    }

    let all: [Place]
    /// What MemberList tells clients.
    let advertised: [ListenURL]

    /// Takes the addresses of all listeners.
    /// - Throws: ``StartError`` for the first one that cannot be had.
    init(_ configuration: ServeConfiguration) throws(StartError) {
        var all: [Place] = []
        for spec in configuration.listeners {
            guard !configuration.isUsualAdminListener(spec) else {
                // If another process serves the store, the store's lock is to say so.
                all.append(Place(spec: spec, socket: nil))
                continue
            }
            let (url, socket) = try ListenCheck.take(
                spec.url,
                directoryToMake: configuration.dataDirectory
            )
            var spec = spec
            spec.url = url
            all.append(Place(spec: spec, socket: socket))
        }
        self.all = all
        let advertised = configuration.options.advertiseClientURLs
        self.advertised =
            advertised.isEmpty
            ? all.filter { $0.spec.role == .client }.map { Self.reachable($0.spec.url) }
            : advertised
    }

    /// The same places, all of one tenant: what flags ask for, once the store has said which it is.
    func bound(to tenant: String) -> Places {
        Places(
            all: self.all.map { place in
                var spec = place.spec
                spec.rules = IdentityRules(.tenant(tenant), asksForCertificates: false)
                return Place(spec: spec, socket: place.socket)
            },
            advertised: self.advertised
        )
    }

    private init(all: [Place], advertised: [ListenURL]) {
        self.all = all
        self.advertised = advertised
    }

    /// Those of one kind.
    func having(_ role: ListenerSpec.Role) -> [Place] { self.all.filter { $0.spec.role == role } }

    /// Replaces a host that stands for all addresses by a name that clients can use.
    private static func reachable(_ url: ListenURL) -> ListenURL {
        guard url.isWildcard, case .host(_, let port) = url.place else { return url }
        return ListenURL(isTLS: url.isTLS, place: .host(hostName(), port: port))
    }
}

/// The machine's name, `localhost` if it has none.
package func hostName() -> String {
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
