import Glibc

/// A server to be measured: its name in reports, and where it listens.
package struct Endpoint: Sendable, Hashable {
    /// Where a socket connects to.
    package enum Address: Sendable, Hashable {
        case tcp(host: String, port: UInt16)
        case unix(path: String)
    }

    package let name: String
    package let address: Address
    package let isSecure: Bool

    /// What a connection says as `:authority`.
    package var authority: String {
        switch self.address {
        case .tcp(let host, let port): "\(host):\(port)"
        case .unix: "localhost"
        }
    }

    package init(name: String, address: Address, isSecure: Bool) {
        self.name = name
        self.address = address
        self.isSecure = isSecure
    }

    /// The endpoint as a tenant reaches it: `{tenant}` in its address is the tenant's number.
    package func of(tenant: Int) -> Endpoint {
        let address: Address =
            switch self.address {
            case .tcp(let host, let port): .tcp(host: Tenants.replace(host, tenant), port: port)
            case .unix(let path): .unix(path: Tenants.replace(path, tenant))
            }
        return Endpoint(name: self.name, address: address, isSecure: self.isSecure)
    }

    /// Reads `NAME=URL`; the URL is `http://HOST:PORT`, `https://HOST:PORT`, `unix:PATH` or
    /// `unixs:PATH`.
    package init(parsing text: String) throws(Failure) {
        guard let equals = text.firstIndex(of: "="), equals > text.startIndex else {
            throw Failure("\(text): a target is NAME=URL")
        }
        let name = String(text[..<equals])
        let url = text[text.index(after: equals)...]
        guard let colon = url.firstIndex(of: ":") else {
            throw Failure("\(url): a URL begins with http://, https://, unix: or unixs:")
        }
        let rest = url[url.index(after: colon)...]
        switch url[..<colon] {
        case "unix", "unixs":
            let path = rest.hasPrefix("//") ? rest.dropFirst(2) : rest
            self.init(
                name: name,
                address: .unix(path: String(path)),
                isSecure: url.hasPrefix("unixs")
            )
        case "http", "https":
            let place = rest.drop { $0 == "/" }
            guard let last = place.lastIndex(of: ":"),
                let port = UInt16(place[place.index(after: last)...].prefix { $0 != "/" })
            else {
                throw Failure("\(url): a port is missing")
            }
            let host = place[..<last].drop { $0 == "[" }.prefix { $0 != "]" }
            self.init(
                name: name,
                address: .tcp(host: String(host), port: port),
                isSecure: url.hasPrefix("https")
            )
        default:
            throw Failure("\(url): a URL begins with http://, https://, unix: or unixs:")
        }
    }
}
