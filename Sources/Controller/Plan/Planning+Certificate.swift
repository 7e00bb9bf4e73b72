package import TLS

/// When a certificate is renewed.
package enum Renewal {
    /// After two thirds of its life, which begins when it was issued, or of what is asked for now if
    /// that is shorter.
    /// - Returns: seconds since 1970.
    package static func time(of certificate: StoredCertificate, lifetimeSeconds: Int64) -> Int64 {
        let begin = min(
            certificate.notBefore + Int64(Authority.backdatedSeconds),
            certificate.notAfter
        )
        return begin + min(certificate.notAfter - begin, lifetimeSeconds) * 2 / 3
    }

    /// The least that a new certificate must be valid longer than the old one to be worth its while:
    /// one that ends with its authority is not issued over and over.
    static let gainSecondsMin: Int64 = 1
}

// What clients are to connect with.
extension Planning {
    /// The URI by which the tenant's certificates are recognised.
    static func uri(ofTenant uid: String) -> String { "urn:byre:tenant:" + uid }

    mutating func planCertificate() {
        guard let request = self.desired.credentials else { return }
        if let reason = self.issueReason(request) {
            guard case .usable(let ends, _) = self.situation.issuer else {
                guard case .missing(let why) = self.situation.issuer else { return }
                self.obstacle(
                    .certificateIssued,
                    .authorityMissing,
                    "a certificate is to be issued (\(reason.rawValue)), but \(why)"
                )
                return
            }
            if reason == .due, case .present(let certificate, _) = self.situation.certificate,
                ends < certificate.notAfter + Renewal.gainSecondsMin
            {
                self.obstacle(
                    .certificateIssued,
                    .authorityExpiring,
                    "the certificate is due for renewal, but its authority ends no later: make a new "
                        + "one with byre ca init"
                )
            } else {
                self.plan.steps.append(.issueCertificate(reason))
            }
            return
        }
        guard let stored = self.situation.stored else { return }
        var isStale = stored.isIncomplete || stored.credentials.endpoints != request.endpoints
        if case .usable(_, let certificate) = self.situation.issuer,
            stored.credentials.keyPair?.authority != certificate
        {
            isStale = true
        }
        if isStale { self.plan.steps.append(.storeCredentials) }
    }

    private func issueReason(_ request: CredentialRequest) -> Step.IssueReason? {
        switch self.situation.certificate {
        case .none: return .missing
        case .unusable: return .unusable
        case .present(let certificate, let isOfIssuer):
            guard let tenant = self.situation.tenant,
                certificate.uris.contains(Self.uri(ofTenant: tenant.uid)),
                certificate.commonName == tenant.name
            else { return .otherTenant }
            guard isOfIssuer else { return .otherAuthority }
            let renewal = Renewal.time(of: certificate, lifetimeSeconds: request.lifetimeSeconds)
            return self.now >= renewal ? .due : nil
        }
    }
}
