import Tenancy

/// Where the admin API is served, as `--listen-admin-url` says.
package enum AdminListening: Hashable, Sendable, FlagValue {
    case none
    case at(AdminURL)

    package static var placeholder: String { "URL|none" }

    package init(flagText: String) throws(FlagValueError) {
        self = flagText == "none" ? .none : .at(try AdminURL(flagText: flagText))
    }

    package var flagText: String {
        switch self {
        case .none: "none"
        case .at(let url): url.flagText
        }
    }
}

extension ServeConfiguration {
    /// Who may use the admin API's socket: its owner.
    private static let adminSocketMode: UInt32 = 0o600
    /// Longest path of a socket that is made without being asked for.
    private static let socketPathBytesMax = 107

    /// The listener of the admin API that the flags ask for; nil for none.
    static func adminListener(
        _ options: ServeOptions,
        _ personality: Personality
    ) throws(UsageError) -> ListenerSpec? {
        let url: AdminURL
        switch (options.listenAdminURL, personality) {
        case (.none?, _), (nil, .etcd): return nil
        case (.at(let chosen)?, _): url = chosen
        case (nil, .byre):
            guard self.hasUsualAdminSocket(options, personality) else { return nil }
            url = self.usualAdminURL(options, personality)
        }
        // Over TLS others than its owner could use it: the authority of `--trusted-ca-file` vouches
        // for tenants' clients too, and flags name no administrators.
        guard case .path = url.place, !url.isTLS else {
            throw UsageError(
                "--listen-admin-url: \(url) is not a unix socket; --config has administrators, "
                    + "who may use https"
            )
        }
        return ListenerSpec(
            role: .admin,
            url: url.listenURL,
            tls: nil,
            rules: IdentityRules(.tenant(self.defaultTenant), asksForCertificates: false),
            socketMode: self.adminSocketMode,
            origin: "--listen-admin-url"
        )
    }

    private static func usualAdminURL(
        _ options: ServeOptions,
        _ personality: Personality
    ) -> AdminURL {
        // Beside the database, whose directory is there or will be made.
        if case .sqlite(let path)? = options.store, let slash = path.lastIndex(of: "/") {
            return .below(String(path[..<slash]))
        }
        return .below(options.dataDirectory ?? personality.dataDirectory(name: options.name))
    }

    /// Whether the socket in the data directory can be made.
    private static func hasUsualAdminSocket(
        _ options: ServeOptions,
        _ personality: Personality
    ) -> Bool {
        guard case .path(let path) = self.usualAdminURL(options, personality).place else {
            return false
        }
        return path.utf8.count <= self.socketPathBytesMax
    }

    /// Whether something is kept in the data directory beside a database in it.
    var needsDataDirectory: Bool { self.listeners.contains(where: self.isUsualAdminListener) }

    /// Whether a listener is that of the admin API, on the socket beside the database.
    func isUsualAdminListener(_ spec: ListenerSpec) -> Bool {
        spec.role == .admin && self.file == nil && self.options.listenAdminURL == nil
    }

    /// Why the admin API is not served though nobody has turned it off; nil when it is.
    var adminNote: String? {
        guard self.file == nil, self.options.listenAdminURL == nil, self.personality == .byre,
            !Self.hasUsualAdminSocket(self.options, self.personality)
        else { return nil }
        let url = Self.usualAdminURL(self.options, self.personality)
        return "the admin API is not served: \(url) is too long for a socket; "
            + "give --listen-admin-url"
    }
}
