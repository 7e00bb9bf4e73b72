import TLS
import Tenancy

// The listeners that flags ask for: all with the same certificates, all of one tenant.
extension ServeConfiguration {
    private typealias Place = (flag: String, role: ListenerSpec.Role, url: ListenURL)

    /// - Throws: ``UsageError`` naming the flags that contradict each other.
    static func listeners(_ options: ServeOptions) throws(UsageError) -> [ListenerSpec] {
        let places = self.places(options)
        try self.check(places, options)
        let tls = try self.tls(options, places)
        return places.map { place in
            ListenerSpec(
                role: place.role,
                url: place.url,
                tls: place.url.isTLS ? tls : nil,
                rules: IdentityRules(.tenant(self.defaultTenant), asksForCertificates: false),
                socketMode: nil,
                origin: place.flag
            )
        }
    }

    private static func places(_ options: ServeOptions) -> [Place] {
        options.listenClientURLs.map { ("--listen-client-urls", .client, $0) }
            + options.listenClientHTTPURLs.map { ("--listen-client-http-urls", .http, $0) }
            + options.listenMetricsURLs.map { ("--listen-metrics-urls", .metrics, $0) }
    }

    private static func check(
        _ places: [Place],
        _ options: ServeOptions
    ) throws(UsageError) {
        if options.listenClientURLs.isEmpty {
            throw UsageError("--listen-client-urls names no URL")
        }
        var seen: Set<ListenURL> = []
        for (flag, _, url) in places {
            if !seen.insert(url).inserted { throw UsageError("\(flag): \(url) is named twice") }
            if case .host(let host, port: _) = url.place, !isAddress(host), host != "localhost" {
                throw UsageError("\(flag): \(url) must name an IP address or localhost")
            }
        }
    }

    /// Decides which certificates the listeners show, and whether they ask for any.
    /// - Returns: nil when no URL has TLS.
    private static func tls(
        _ options: ServeOptions,
        _ places: [Place]
    ) throws(UsageError) -> TLSSpec? {
        if let oldest = options.tlsVersionMin, let newest = options.tlsVersionMax, oldest > newest {
            throw UsageError(
                "--tls-min-version \(oldest.rawValue) is newer than --tls-max-version "
                    + newest.rawValue
            )
        }
        let needsAuthority = [
            ("--client-cert-auth", options.clientCertificateAuth),
            ("--client-crl-file", options.clientCRLFile != nil),
            ("--client-cert-allowed-hostname", !options.allowedHostnames.isEmpty),
        ]
        for (flag, isGiven) in needsAuthority where isGiven && options.trustedCAFile == nil {
            throw UsageError("\(flag) needs --trusted-ca-file")
        }
        guard let certificates = try self.certificates(options, places) else { return nil }
        var tls = TLSSpec(certificates)
        tls.trustedCAFiles = options.trustedCAFile.map { [$0] } ?? []
        tls.revocationFiles = options.clientCRLFile.map { [$0] } ?? []
        tls.allowedHostnames = options.allowedHostnames
        tls.versionMin = options.tlsVersionMin ?? .tls12
        tls.versionMax = options.tlsVersionMax ?? .tls13
        tls.cipherSuites = options.cipherSuites
        return tls
    }

    private static func certificates(
        _ options: ServeOptions,
        _ places: [Place]
    ) throws(UsageError) -> TLSSpec.Certificates? {
        let secure = places.first { $0.url.isTLS }
        switch (options.certificateFile, options.keyFile) {
        case (let certificate?, let key?):
            return secure == nil ? nil : .files(certificate: certificate, key: key)
        case (_?, nil): throw UsageError("--cert-file needs --key-file")
        case (nil, _?): throw UsageError("--key-file needs --cert-file")
        case (nil, nil): break
        }
        guard let secure else { return nil }
        guard options.autoTLS else {
            throw UsageError(
                "\(secure.flag): \(secure.url) needs --cert-file and --key-file, or --auto-tls"
            )
        }
        return .generated
    }
}
