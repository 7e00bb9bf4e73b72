import TLS

/// The authority that certificates are issued with, read again for each piece of work: its files may
/// be replaced at any time. Belongs to one thread.
package struct CertificateIssuer {
    private let authority: Result<Authority, TLSError>

    /// Reads the authority that `byre ca init` made in a directory; nil for none.
    package init(in directory: String?) {
        self.authority = Result { () throws(TLSError) in
            guard let directory else { throw .settings("no authority is configured") }
            return try Authority(in: directory)
        }
    }

    /// What a plan needs to know of it.
    package var state: Situation.Issuer {
        switch self.authority {
        case .success(let authority):
            .usable(ends: authority.notAfter, certificate: authority.certificateBytes)
        case .failure(let error): .missing("\(error)")
        }
    }

    /// Tells what certificates can be issued with, and what the stored one is.
    func describe(_ situation: inout Situation) {
        situation.issuer = self.state
        situation.certificate = self.examine(situation.stored?.credentials.keyPair)
    }

    private func examine(_ keyPair: Credentials.KeyPair?) -> Situation.Certificate {
        guard let keyPair else { return .none }
        do throws(TLSError) {
            let stored = try StoredCertificate(
                certificate: keyPair.certificate,
                key: keyPair.key
            )
            let isOfIssuer = (try? self.authority.get())?.hasIssued(keyPair.certificate) ?? true
            return .present(stored, isOfIssuer: isOfIssuer)
        } catch {
            return .unusable
        }
    }

    /// Makes a key and a certificate for a tenant's clients.
    func issue(
        to tenant: ActualTenant,
        _ request: CredentialRequest
    ) throws(TLSError) -> Credentials.KeyPair {
        var authorityRequest = Authority.Request(
            .client,
            commonName: tenant.name,
            validSeconds: Int(request.lifetimeSeconds)
        )
        authorityRequest.uris = [Planning.uri(ofTenant: tenant.uid)]
        authorityRequest.key = request.key
        let issued = try self.authority.get().issue(authorityRequest)
        return Credentials.KeyPair(
            certificate: issued.certificate,
            key: issued.key,
            authority: issued.authority
        )
    }
}
