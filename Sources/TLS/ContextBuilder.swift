import COpenSSL

/// Fills an `SSL_CTX`, which is then handed to a ``Context``.
final class ContextBuilder {
    private let context: OpaquePointer
    private var isFinished = false

    /// What works today but needs a person's attention; one line each.
    private(set) var warnings: [String] = []

    /// How long what was loaded is valid, a line for each file.
    private(set) var validities: [FileValidity] = []

    /// The lists that were loaded of what is revoked.
    private(set) var revocations: [RevocationList] = []

    /// Starts with what holds for every connection.
    init(_ method: OpaquePointer?) throws(TLSError) {
        OpenSSL.clearErrors()
        self.context = try OpenSSL.check(SSL_CTX_new(method), "making a context")

        // Of two records' worth of buffers, 34 KiB, an idle connection keeps none. And what is sent
        // as our chain is what the certificate file holds, as with Go: not what OpenSSL would add
        // to it from the trusted CAs, anew in each handshake.
        byre_SSL_CTX_set_mode(
            self.context,
            Int(SSL_MODE_RELEASE_BUFFERS) | Int(SSL_MODE_NO_AUTO_CHAIN)
        )

        // No resumption, by tickets or by session id: etcd's clients do not ask for it, sessions
        // cost memory, and a resumed connection would bring along an identity that was verified
        // before the CAs or the revocation list changed.
        byre_SSL_CTX_set_session_cache_mode(self.context, Int(SSL_SESS_CACHE_OFF))
        SSL_CTX_set_num_tickets(self.context, 0)
        SSL_CTX_set_options(
            self.context,
            byre_SSL_OP_NO_TICKET | byre_SSL_OP_NO_RENEGOTIATION | byre_SSL_OP_NO_COMPRESSION
                | byre_SSL_OP_CIPHER_SERVER_PREFERENCE | byre_SSL_OP_PRIORITIZE_CHACHA
        )

        byre_SSL_CTX_set_max_cert_list(self.context, Limits.peerChainBytesMax)
    }

    deinit {
        if !self.isFinished { SSL_CTX_free(self.context) }
    }

    /// Hands the context over to the caller, who frees it.
    func finish() -> OpaquePointer {
        precondition(!self.isFinished, "a context is handed over once")
        self.isFinished = true
        return self.context
    }

    /// Limits versions and cipher suites; an empty list of suites leaves the defaults.
    func set(
        versions: ClosedRange<ProtocolVersion>,
        cipherSuites: [CipherSuite]
    ) throws(TLSError) {
        try OpenSSL.check(
            byre_SSL_CTX_set_min_proto_version(self.context, versions.lowerBound.number),
            "setting the lowest TLS version"
        )
        try OpenSSL.check(
            byre_SSL_CTX_set_max_proto_version(self.context, versions.upperBound.number),
            "setting the highest TLS version"
        )

        // Suites of TLS 1.3 alone say nothing about TLS 1.2, and the other way round.
        for version in ProtocolVersion.allCases {
            var suites = cipherSuites.filter { $0.version == version }
            if suites.isEmpty { suites = CipherSuite.defaults.filter { $0.version == version } }
            let names = suites.map(\.openSSLName).joined(separator: ":")
            let result =
                switch version {
                case .tls12: SSL_CTX_set_cipher_list(self.context, names)
                case .tls13: SSL_CTX_set_ciphersuites(self.context, names)
                }
            try OpenSSL.check(result, "setting the cipher suites")
        }
    }

    /// Loads the certificate that this side shows, the intermediates after it, and its key.
    func setIdentity(certificateFile: String, keyFile: String) throws(TLSError) {
        try self.setIdentity(
            try PEM.certificates(at: certificateFile, as: .certificate),
            from: certificateFile,
            try PEM.key(at: keyFile),
            from: keyFile
        )
    }

    /// Takes the certificate that this side shows, the intermediates after it, and its key.
    func setIdentity(
        _ chain: [Certificate],
        from certificateFile: String,
        _ key: PrivateKey,
        from keyFile: String
    ) throws(TLSError) {
        OpenSSL.clearErrors()
        // Never empty: the reader refuses a file without certificates.
        guard let own = chain.first else { return }
        guard SSL_CTX_use_certificate(self.context, own.x509) == 1 else {
            throw .file(.certificate, path: certificateFile, problem: OpenSSL.takeReason())
        }
        for intermediate in chain.dropFirst() {
            guard byre_SSL_CTX_add1_chain_cert(self.context, intermediate.x509) == 1 else {
                throw .file(.certificate, path: certificateFile, problem: OpenSSL.takeReason())
            }
        }
        guard X509_check_private_key(own.x509, key.key) == 1 else {
            OpenSSL.clearErrors()
            throw .file(
                .key,
                path: keyFile,
                problem: "does not match the certificate in \(certificateFile)"
            )
        }
        guard SSL_CTX_use_PrivateKey(self.context, key.key) == 1 else {
            throw .file(.key, path: keyFile, problem: OpenSSL.takeReason())
        }
        if let problem = own.validityProblem {
            self.warn(.certificate, certificateFile, problem)
        }
        self.noteValidity(.certificate, certificateFile, chain)
    }

    /// Trusts every certificate of the files as an anchor for verifying peers.
    ///
    /// A certificate may be in more than one.
    func trust(certificatesAt paths: [String], tellingClients: Bool) throws(TLSError) {
        var all: [Certificate] = []
        for path in paths {
            let anchors = try PEM.certificates(at: path, as: .trustedCA)
            try self.trust(anchors, from: path)
            all += anchors
        }
        if tellingClients { try self.tellClients(of: all) }
    }

    /// Trusts certificates as anchors for verifying peers.
    func trust(_ anchors: [Certificate], from path: String) throws(TLSError) {
        let store = SSL_CTX_get_cert_store(self.context)
        OpenSSL.clearErrors()
        for anchor in anchors {
            guard X509_STORE_add_cert(store, anchor.x509) == 1 else {
                throw .file(.trustedCA, path: path, problem: OpenSSL.takeReason())
            }
        }
        let stale = anchors.compactMap(\.validityProblem)
        if let problem = stale.first {
            self.warn(.trustedCA, path, "\(stale.count) of \(anchors.count): \(problem)")
        }
        self.noteValidity(.trustedCA, path, anchors)
        X509_STORE_set_flags(store, UInt(X509_V_FLAG_PARTIAL_CHAIN))
    }

    /// Names the trusted CAs to clients, who choose their certificate by it, if the names fit in
    /// ``Limits/trustedNamesBytesMax``.
    private func tellClients(of anchors: [Certificate]) throws(TLSError) {
        let bytes = anchors.reduce(into: 0) { bytes, anchor in
            bytes += 2 + Int(max(0, i2d_X509_NAME(X509_get_subject_name(anchor.x509), nil)))
        }
        guard bytes <= Limits.trustedNamesBytesMax else { return }
        for anchor in anchors {
            try OpenSSL.check(
                SSL_CTX_add_client_CA(self.context, anchor.x509),
                "naming the trusted CAs"
            )
        }
    }

    /// Trusts what the operating system trusts.
    func trustSystem() throws(TLSError) {
        try OpenSSL.check(
            SSL_CTX_set_default_verify_paths(self.context),
            "loading the system's CAs"
        )
    }

    /// Refuses the certificates that the lists of a file revoke.
    func revoke(listsAt path: String) throws(TLSError) {
        let lists = try PEM.revocationLists(at: path)
        let store = SSL_CTX_get_cert_store(self.context)
        OpenSSL.clearErrors()
        for list in lists {
            guard X509_STORE_add_crl(store, list.crl) == 1 else {
                throw .file(.revocations, path: path, problem: OpenSSL.takeReason())
            }
            if let problem = list.validityProblem {
                self.warn(.revocations, path, problem)
            }
        }
        X509_STORE_set_flags(store, UInt(X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL))
        self.revocations += lists
    }

    private func noteValidity(_ role: FileRole, _ path: String, _ certificates: [Certificate]) {
        guard let end = certificates.compactMap(\.endSeconds).min() else { return }
        self.validities.append(FileValidity(role: role, path: path, endSeconds: end))
    }

    private func warn(_ role: FileRole, _ path: String, _ problem: String) {
        self.warnings.append(
            TLSError.file(role, path: path, problem: problem).description
        )
    }
}
