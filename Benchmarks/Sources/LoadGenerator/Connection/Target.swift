import HTTP2
import TLS

/// A server that is measured, with what its connections share.
package final class Target: Sendable {
    /// Files in PEM for `https` and `unixs` targets.
    package struct Certificates: Sendable, Hashable {
        /// What the server is checked against; nil checks nothing.
        package var authority: String?
        package var certificate: String?
        package var key: String?

        package init(authority: String? = nil, certificate: String? = nil, key: String? = nil) {
            self.authority = authority
            self.certificate = certificate
            self.key = key
        }
    }

    /// The windows that connections grant: large, so that they are not what is measured.
    package static let streamWindowBytes: Int32 = 4 << 20
    package static let connectionWindowBytes: Int32 = 16 << 20

    package let endpoint: Endpoint
    private let certificates: Certificates
    let security: Context?
    /// The host that the server must prove to be; nil when it is not checked.
    let serverName: String?
    let headers: MethodHeaders
    let limits: SessionLimits

    package var name: String { self.endpoint.name }

    package init(_ endpoint: Endpoint, _ certificates: Certificates) throws(Failure) {
        self.endpoint = endpoint
        self.certificates = certificates
        self.headers = MethodHeaders(endpoint)
        var limits = SessionLimits()
        limits.streamWindowBytes = Self.streamWindowBytes
        limits.connectionWindowBytes = Self.connectionWindowBytes
        self.limits = limits
        if case .tcp(let host, _) = endpoint.address, certificates.authority != nil {
            self.serverName = host
        } else {
            self.serverName = nil
        }
        // Files of tenants are read when there is a tenant.
        guard endpoint.isSecure, certificates.certificate?.contains("{tenant}") != true else {
            self.security = nil
            return
        }
        var settings = ClientSettings(trustedCAFile: certificates.authority)
        settings.verifiesServer = certificates.authority != nil
        settings.certificateFile = certificates.certificate
        settings.keyFile = certificates.key
        do {
            self.security = try Context(client: settings)
        } catch {
            throw Failure("\(endpoint.name): \(error)")
        }
    }

    /// The target as a tenant reaches it: `{tenant}` in names is the tenant's number.
    package func of(tenant: Int) throws(Failure) -> Target {
        var certificates = self.certificates
        certificates.certificate = certificates.certificate.map { Tenants.replace($0, tenant) }
        certificates.key = certificates.key.map { Tenants.replace($0, tenant) }
        return try Target(self.endpoint.of(tenant: tenant), certificates)
    }
}
