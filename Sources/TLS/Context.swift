import COpenSSL

/// What many connections share: certificate, key, trust, and the rules of the handshake.
///
/// Immutable once made, and safe to use from any thread. A change of certificates is a new
/// context; connections keep the one they began with.
package final class Context: @unchecked Sendable {
    // @unchecked because SSL_CTX is a C pointer. OpenSSL counts its references atomically, and
    // after `init` nothing here changes it.
    // https://docs.openssl.org/3.0/man7/openssl-threads/

    /// Which end of a connection this context is for.
    package enum Role: Sendable {
        case server
        case client
    }

    package let role: Role

    /// What works today but needs a person's attention, such as an expired certificate; one line
    /// each.
    package let warnings: [String]

    /// How long the certificates are valid: of the own ones and of the trusted ones, file by file.
    package let validities: [FileValidity]

    /// What is revoked, as far as the lists say that were loaded.
    private let revocations: [RevocationList]

    /// ALPN protocols in order of preference.
    let protocols: [[UInt8]]

    /// The names one of which a client's certificate must carry; empty allows all.
    private let allowedCommonNames: [String]
    private let allowedHostnames: [String]

    /// Whether a client verifies its server.
    let verifiesServer: Bool

    let pointer: OpaquePointer

    /// Loads what a server needs.
    /// - Throws: ``TLSError/settings(_:)`` or ``TLSError/file(_:path:problem:)``.
    package init(server settings: ServerSettings) throws(TLSError) {
        try settings.check()
        self.role = .server
        self.protocols = settings.protocols.map { Array($0.utf8) }
        self.allowedCommonNames = settings.allowedCommonNames
        self.allowedHostnames = settings.allowedHostnames
        self.verifiesServer = false
        let builder = try ContextBuilder(TLS_server_method())
        try builder.set(versions: settings.versions, cipherSuites: settings.cipherSuites)
        try builder.setIdentity(
            certificateFile: settings.certificateFile,
            keyFile: settings.keyFile
        )
        if !settings.trustedCAFiles.isEmpty {
            try builder.trust(certificatesAt: settings.trustedCAFiles, tellingClients: true)
        }
        for path in settings.revocationFiles {
            try builder.revoke(listsAt: path)
        }
        self.warnings = builder.warnings
        self.validities = builder.validities
        self.revocations = builder.revocations
        self.pointer = builder.finish()

        // Connections keep this object alive as long as their SSL, so it need not be retained here.
        SSL_CTX_set_ex_data(self.pointer, 0, Unmanaged.passUnretained(self).toOpaque())
        SSL_CTX_set_alpn_select_cb(self.pointer, selectProtocol, nil)
        switch settings.clientCertificates {
        case .ignored:
            SSL_CTX_set_verify(self.pointer, SSL_VERIFY_NONE, nil)
        case .optional:
            SSL_CTX_set_verify(self.pointer, SSL_VERIFY_PEER, verifyPeer)
        case .required:
            SSL_CTX_set_verify(
                self.pointer,
                SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                verifyPeer
            )
        }
    }

    /// Loads what a client needs.
    /// - Throws: ``TLSError/settings(_:)`` or ``TLSError/file(_:path:problem:)``.
    package init(client settings: ClientSettings) throws(TLSError) {
        try settings.check()
        self.role = .client
        self.protocols = settings.protocols.map { Array($0.utf8) }
        self.allowedCommonNames = []
        self.allowedHostnames = []
        self.verifiesServer = settings.verifiesServer
        let builder = try ContextBuilder(TLS_client_method())
        try builder.set(versions: settings.versions, cipherSuites: settings.cipherSuites)
        if let certificateFile = settings.certificateFile, let keyFile = settings.keyFile {
            try builder.setIdentity(certificateFile: certificateFile, keyFile: keyFile)
        }
        if let identity = settings.identity {
            let place = identity.place
            try builder.setIdentity(
                try PEM.certificates(in: identity.certificate, place, as: .certificate),
                from: place,
                try PEM.key(in: identity.key, place),
                from: place
            )
        }
        if let path = settings.trustedCAFile {
            try builder.trust(certificatesAt: [path], tellingClients: false)
        } else if let trusted = settings.trustedCA {
            let anchors = try PEM.certificates(in: trusted.bytes, trusted.place, as: .trustedCA)
            try builder.trust(anchors, from: trusted.place)
        } else {
            try builder.trustSystem()
        }
        self.warnings = builder.warnings
        self.validities = builder.validities
        self.revocations = builder.revocations
        self.pointer = builder.finish()
        SSL_CTX_set_verify(
            self.pointer,
            settings.verifiesServer ? SSL_VERIFY_PEER : SSL_VERIFY_NONE,
            nil
        )
    }

    deinit {
        SSL_CTX_free(self.pointer)
    }

    /// Whether its issuer's newest list revokes a certificate of a verified chain: the peer's, then its
    /// authorities, the last of which has issued itself.
    func revokes(_ chain: OpaquePointer) -> Bool {
        let certificates = (0..<byre_sk_X509_num(chain)).compactMap {
            byre_sk_X509_value(chain, $0)
        }
        let issuers = certificates.dropFirst() + certificates.suffix(1)
        return zip(certificates, issuers).contains { certificate, issuer in
            // Signatures are looked at for those alone that may be revoked.
            guard self.revocations.contains(where: { $0.names(certificate) }) else { return false }
            let newest = self.revocations.filter { $0.isSigned(by: issuer) }
                .max { $0.isOlder(than: $1) }
            return newest?.names(certificate) ?? false
        }
    }

    /// Whether the names in a client's verified certificate are allowed.
    fileprivate func allows(_ certificate: OpaquePointer?) -> Bool {
        if self.allowedCommonNames.isEmpty, self.allowedHostnames.isEmpty { return true }
        guard let certificate else { return false }
        if let name = PeerCertificate.commonName(of: certificate),
            self.allowedCommonNames.contains(name)
        {
            return true
        }
        return self.allowedHostnames.contains { host in
            // Go looks at alternative names only, and so do we.
            X509_check_host(
                certificate,
                host,
                host.utf8.count,
                UInt32(X509_CHECK_FLAG_NEVER_CHECK_SUBJECT),
                nil
            ) == 1
                || X509_check_ip_asc(certificate, host, 0) == 1
        }
    }

    /// The first of our protocols that is in `offered`, a list of names with a length byte each.
    ///
    /// OpenSSL has checked the form of the list before.
    fileprivate func firstProtocol(in offered: UnsafeBufferPointer<UInt8>) -> Range<Int>? {
        for wanted in self.protocols {
            var start = 0
            while start < offered.count {
                let name = start + 1..<min(start + 1 + Int(offered[start]), offered.count)
                if offered[name].elementsEqual(wanted) { return name }
                start = name.upperBound
            }
        }
        return nil
    }

    /// The context an SSL was made from.
    fileprivate static func of(_ ssl: OpaquePointer?) -> Context? {
        guard let ssl, let own = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), 0) else { return nil }
        return Unmanaged<Context>.fromOpaque(own).takeUnretainedValue()
    }
}

/// Chooses the ALPN protocol: ours first, and an alert when there is none in common.
///
/// OpenSSL: <https://docs.openssl.org/3.0/man3/SSL_CTX_set_alpn_select_cb/>
private let selectProtocol: SSL_CTX_alpn_select_cb_func = { ssl, out, outCount, list, count, _ in
    let offered = UnsafeBufferPointer(start: list, count: Int(count))
    guard let out, let outCount, let base = offered.baseAddress,
        let name = Context.of(ssl)?.firstProtocol(in: offered)
    else { return SSL_TLSEXT_ERR_ALERT_FATAL }
    out.pointee = base + name.lowerBound
    outCount.pointee = UInt8(name.count)
    return SSL_TLSEXT_ERR_OK
}

/// Has the last word on each step of verifying a client's certificate.
///
/// A revocation list that is missing for some CA, or late, does not lock its clients out; what it
/// lists stays revoked. etcd looks at neither date nor issuer of a list.
///
/// OpenSSL: <https://docs.openssl.org/3.0/man3/SSL_CTX_set_verify/>
private let verifyPeer: SSL_verify_cb = { isFine, store in
    if isFine == 0 {
        switch X509_STORE_CTX_get_error(store) {
        case X509_V_ERR_UNABLE_TO_GET_CRL, X509_V_ERR_CRL_HAS_EXPIRED,
            X509_V_ERR_CRL_NOT_YET_VALID:
            X509_STORE_CTX_set_error(store, X509_V_OK)
            return 1
        default:
            return 0
        }
    }
    guard X509_STORE_CTX_get_error_depth(store) == 0 else { return 1 }
    let ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx())
    if let context = Context.of(ssl.map { OpaquePointer($0) }),
        context.allows(X509_STORE_CTX_get_current_cert(store))
    {
        return 1
    }
    X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION)
    return 0
}
