/// What a tenant's clients connect with. Holds secrets: no part of it is ever logged.
package struct Credentials: Hashable, Sendable {
    /// The client's certificate, its key and its authority's certificate, all in PEM.
    package struct KeyPair: Hashable, Sendable {
        package var certificate: [UInt8]
        package var key: [UInt8]
        package var authority: [UInt8]

        package init(certificate: [UInt8], key: [UInt8], authority: [UInt8]) {
            self.certificate = certificate
            self.key = key
            self.authority = authority
        }
    }

    /// A role of PostgreSQL and its password.
    package struct SQLLogin: Hashable, Sendable {
        package var role: String
        package var password: String

        package init(role: String, password: String) {
            self.role = role
            self.password = password
        }
    }

    /// Nil for none, or for what is there and can be used for nothing.
    package var keyPair: KeyPair?
    /// Where clients connect.
    package var endpoints: [String] = []
    package var sqlLogin: SQLLogin?

    package init() {}
}

extension Credentials: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String { "credentials" }
    package var debugDescription: String { self.description }
    /// Shows nothing: what prints a value may print into a log.
    package var customMirror: Mirror { Mirror(self, children: []) }
}

/// What a sink holds for a tenant.
package struct StoredCredentials: Hashable, Sendable {
    package var credentials: Credentials
    /// Whether some place lacks what the others have, so that it must be written again: a shape's
    /// secret is missing, or was changed, or a file has the wrong mode.
    package var isIncomplete: Bool
    /// Changes whenever the content does; empty for nothing stored.
    package var version: String

    package init(credentials: Credentials, isIncomplete: Bool, version: String) {
        self.credentials = credentials
        self.isIncomplete = isIncomplete
        self.version = version
    }
}

/// Where certificates, keys and passwords go: a directory, or Secrets of Kubernetes.
///
/// Calls block and come from several threads at once, for one tenant from one at a time; another
/// controller may write to the same place meanwhile.
package protocol CredentialSink: Sendable {
    /// Reads what is stored for a tenant; nothing stored is no failure.
    func read(for tenant: DesiredTenant) throws(SinkFailure) -> StoredCredentials

    /// Stores all of `credentials` for a tenant, in all shapes it asks for; what is the same already
    /// is not written. May be asked for again after a crash at any point.
    /// - Parameter version: of what was read before.
    /// - Throws: ``SinkFailure/conflict`` when something else is stored by now; nothing was written.
    func write(
        _ credentials: Credentials,
        for tenant: DesiredTenant,
        replacing version: String
    ) throws(SinkFailure)

    /// Removes what ``write(_:for:replacing:)`` stored, and nothing else; nothing there is no failure.
    func remove(for tenant: DesiredTenant) throws(SinkFailure)
}

/// Why credentials cannot be read or written.
package enum SinkFailure: Error, Hashable, Sendable {
    /// Another writer was there first: look again.
    case conflict
    /// In words for people, naming the place: `permission denied: /etc/byre/credentials/acme`.
    case unavailable(String)
}
