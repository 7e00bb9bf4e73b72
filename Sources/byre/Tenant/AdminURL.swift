/// Where the admin API is served: `unix:/run/byre/admin.sock`, `http://127.0.0.1:2390`,
/// `https://db.example:2390`.
package struct AdminURL: Hashable, Sendable {
    package let isTLS: Bool
    package let place: ListenURL.Place

    package init(isTLS: Bool, place: ListenURL.Place) {
        self.isTLS = isTLS
        self.place = place
    }

    /// Where a server that was given a configuration file listens.
    package static let system = AdminURL(isTLS: false, place: .path("/run/byre/admin.sock"))

    /// Where a server listens whose data are in `directory`.
    package static func below(_ directory: String) -> AdminURL {
        AdminURL(isTLS: false, place: .path(directory + "/admin.sock"))
    }

    /// The same place as a listener's.
    var listenURL: ListenURL { ListenURL(isTLS: self.isTLS, place: self.place) }
}

extension AdminURL: FlagValue, CustomStringConvertible {
    package static var placeholder: String { "URL" }

    package init(flagText: String) throws(FlagValueError) {
        for scheme in ["unix", "unixs"] {
            let prefix = scheme + ":"
            guard flagText.hasPrefix(prefix), !flagText.hasPrefix(prefix + "//") else { continue }
            let url = try ListenURL(flagText: "\(scheme)://\(flagText.dropFirst(prefix.count))")
            self.init(isTLS: url.isTLS, place: url.place)
            return
        }
        let url = try ListenURL(flagText: flagText)
        self.init(isTLS: url.isTLS, place: url.place)
    }

    package var flagText: String { self.description }

    package var description: String {
        guard case .path(let path) = self.place else { return self.listenURL.description }
        return "\(self.isTLS ? "unixs" : "unix"):\(path)"
    }
}
