package import TLS

/// How things are with one declaration: all that a plan depends on, beside the declaration and time.
package struct Situation: Hashable, Sendable {
    /// What certificates can be issued with.
    package enum Issuer: Hashable, Sendable {
        /// Why there is none, naming the file.
        case missing(String)
        /// - Parameters:
        ///   - ends: seconds since 1970 after which nothing that it issued is valid.
        ///   - certificate: in PEM, as clients are to have it.
        case usable(ends: Int64, certificate: [UInt8])
    }

    /// The certificate that clients have.
    package enum Certificate: Hashable, Sendable {
        case none
        /// It cannot be read, or its key is another's.
        case unusable
        /// - Parameter isOfIssuer: whether the present authority has issued it; true while there is
        ///   no authority to compare with.
        case present(StoredCertificate, isOfIssuer: Bool)
    }

    /// Who reads the tenant with SQL.
    package enum SQLReaders: Hashable, Sendable {
        /// Nobody asked, since nothing depends on it.
        case notAsked
        /// The store is not in PostgreSQL.
        case impossible
        case present([ActualSQLReader])
    }

    package var tenant: ActualTenant?
    package var issuer = Issuer.missing("no authority is configured")
    /// What the sink holds; nil when the declaration asks for nothing there.
    package var stored: StoredCredentials?
    package var certificate = Certificate.none
    /// The digest of the verifier that the stored password has; nil without one.
    package var passwordDigest: String?
    package var sqlReaders = SQLReaders.notAsked

    package init() {}
}
