package import Tenancy

/// What a configuration file says, checked as far as the file alone can be.
package struct ConfigFile: Sendable {
    /// The settings that are not about one listener.
    package internal(set) var options = ServeOptions()
    package internal(set) var listeners: [ListenerSpec] = []
    package internal(set) var administrators: [Administrator] = []
    /// Names of the stores so far; a second one is refused.
    var stores: Set<String> = []

    /// Reads a file's text.
    /// - Parameter path: where the file is, as the person gave it: relative paths in it start there.
    /// - Throws: ``ConfigError`` that names line and column.
    package init(yaml: String, path: String) throws(ConfigError) {
        let root = try ConfigNode(yaml: yaml, file: path)
        try Self.section.read(root, into: &self)
        if self.stores.isEmpty { throw root.error("\"stores\" is missing: name a database") }
        if !self.listeners.contains(where: { $0.role == .client }) {
            throw root.error("\"listeners\" is missing: name a place to listen on")
        }
        for index in self.listeners.indices {
            self.listeners[index].rules.administrators = self.administrators
        }
        try self.checkAddresses()
        let remoteAdmin = self.listeners.first { $0.role == .admin && $0.tls != nil }
        if let remoteAdmin, self.administrators.isEmpty {
            throw ConfigError(
                "\(remoteAdmin.origin): over TLS the admin API is for administrators: "
                    + "\"administrators\" is missing"
            )
        }
    }

    /// Keys of the whole file, for help.
    package static var help: [ConfigHelpEntry] { self.section.help }

    /// Refuses two listeners at one address.
    private func checkAddresses() throws(ConfigError) {
        var seen: [ListenerSpec] = []
        for listener in self.listeners {
            if let other = seen.first(where: { $0.url.overlaps(listener.url) }) {
                throw ConfigError(
                    "\(listener.origin): \(listener.url) is the address of \(other.url) at "
                        + "\(other.origin) too"
                )
            }
            seen.append(listener)
        }
    }
}

extension ListenURL {
    /// Whether two listeners cannot have both.
    fileprivate func overlaps(_ other: ListenURL) -> Bool {
        switch (self.place, other.place) {
        case (.path(let mine), .path(let others)): return mine == others
        case (.host(let host, let port), .host(let otherHost, let otherPort)):
            guard port != 0, port == otherPort else { return false }
            return self.isWildcard || other.isWildcard
                || ListenCheck.literal(host) == ListenCheck.literal(otherHost)
        default: return false
        }
    }
}
