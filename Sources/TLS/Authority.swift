import COpenSSL

private let secondsPerDay = 86_400

/// A certificate authority of one's own: a certificate and its key in a directory, and what it
/// issues.
///
/// The files are `ca.crt` and `ca.key`; whoever has the key can be any client and any server.
package struct Authority {
    /// For whom a certificate is.
    package enum Usage: Sendable {
        case client
        case server
    }

    /// What a certificate is to say.
    package struct Request: Sendable {
        package var usage: Usage
        package var commonName: String
        /// Host names and addresses.
        package var hosts: [String] = []
        package var uris: [String] = []
        package var validSeconds: Int
        package var key = KeyKind.ecdsa

        package init(_ usage: Usage, commonName: String, days: Int) {
            self.init(usage, commonName: commonName, validSeconds: days * secondsPerDay)
        }

        package init(_ usage: Usage, commonName: String, validSeconds: Int) {
            self.usage = usage
            self.commonName = commonName
            self.validSeconds = validSeconds
        }
    }

    /// A certificate, its key and its authority's certificate, all in PEM.
    package struct Issued: Sendable {
        package let certificate: [UInt8]
        package let key: [UInt8]
        package let authority: [UInt8]
        /// The last day it is valid, in UTC, as `2027-11-23`.
        package let lastDay: String
    }

    private static let certificateName = "ca.crt"
    private static let keyName = "ca.key"
    /// How far a peer's clock may be behind.
    package static let backdatedSeconds = 300

    let certificate: Certificate
    let key: PrivateKey
    /// The certificate in PEM, as its file has it.
    package let certificateBytes: [UInt8]

    /// Reads the authority in `directory`.
    /// - Throws: ``TLSError/file(_:path:problem:)``, also when the key is another's.
    package init(in directory: String) throws(TLSError) {
        OpenSSL.clearErrors()
        let certificatePath = "\(directory)/\(Self.certificateName)"
        let keyPath = "\(directory)/\(Self.keyName)"
        let certificates = try PEM.certificates(at: certificatePath, as: .certificate)
        self.key = try PEM.key(at: keyPath)
        self.certificateBytes = try File.read(certificatePath, as: .certificate)
        // Never empty: a file without a certificate was refused.
        guard let first = certificates.first else {
            throw .file(.certificate, path: certificatePath, problem: "holds no certificate")
        }
        self.certificate = first
        if let problem = first.validityProblem {
            throw .file(.certificate, path: certificatePath, problem: problem)
        }
        guard X509_check_private_key(first.x509, self.key.key) == 1 else {
            OpenSSL.clearErrors()
            throw .file(.key, path: keyPath, problem: "is not the key of \(certificatePath)")
        }
    }

    /// What became of a request for an authority.
    package enum Creation: Sendable {
        case made
        /// A key without a certificate was there, as a crash leaves it: it was given one.
        case completed
        /// There is one already; nothing was touched.
        case present
    }

    /// Makes an authority in `directory`, which is made if it is missing, unless there is one.
    /// - Throws: ``TLSError/settings(_:)`` for a name that no certificate can have, and
    ///   ``TLSError/file(_:path:problem:)``.
    package static func create(
        in directory: String,
        commonName: String,
        days: Int,
        key kind: KeyKind
    ) throws(TLSError) -> Creation {
        OpenSSL.clearErrors()
        let certificatePath = "\(directory)/\(Self.certificateName)"
        let keyPath = "\(directory)/\(Self.keyName)"
        guard !File.exists(certificatePath) else { return .present }
        let isCompletion = File.exists(keyPath)
        let key = isCompletion ? try PEM.key(at: keyPath) : try kind.make()
        let builder = try CertificateBuilder(
            of: key,
            backdatedSeconds: Self.backdatedSeconds,
            validSeconds: days * secondsPerDay
        )
        try builder.addToSubject("CN", commonName)
        try builder.setIssuer(nil)
        try builder.add(NID_basic_constraints, "critical,CA:TRUE,pathlen:0")
        try builder.add(NID_key_usage, "critical,keyCertSign,cRLSign")
        try builder.add(NID_subject_key_identifier, "hash")
        let certificate = try builder.signed(with: key)
        if !isCompletion {
            try File.makeDirectory(directory, as: .certificate)
            try File.write(try key.written(), to: keyPath, as: .key, mode: 0o600)
        }
        try File.write(certificate, to: certificatePath, as: .certificate, mode: 0o644)
        return isCompletion ? .completed : .made
    }

    /// Makes a key and a certificate for it.
    /// - Throws: ``TLSError/settings(_:)`` for names that no certificate can have.
    package func issue(_ request: Request) throws(TLSError) -> Issued {
        OpenSSL.clearErrors()
        let key = try request.key.make()
        let builder = try CertificateBuilder(
            of: key,
            backdatedSeconds: Self.backdatedSeconds,
            validSeconds: request.validSeconds
        )
        try builder.addToSubject("CN", request.commonName)
        try builder.setIssuer(self.certificate)
        try builder.add(NID_basic_constraints, "critical,CA:FALSE")
        switch request.key {
        case .ecdsa: try builder.add(NID_key_usage, "critical,digitalSignature")
        case .rsa: try builder.add(NID_key_usage, "critical,digitalSignature,keyEncipherment")
        }
        switch request.usage {
        case .client: try builder.add(NID_ext_key_usage, "clientAuth")
        case .server: try builder.add(NID_ext_key_usage, "serverAuth")
        }
        try builder.add(NID_subject_key_identifier, "hash")
        try builder.add(NID_authority_key_identifier, "keyid", authority: self.certificate)
        try builder.addAlternativeNames(hosts: request.hosts, uris: request.uris)
        return Issued(
            certificate: try builder.signed(with: self.key),
            key: try key.written(),
            authority: self.certificateBytes,
            lastDay: builder.certificate.lastDay
        )
    }
}

extension Authority.Issued {
    /// Writes `tls.key`, `tls.crt` and `ca.crt` into `directory`, which is made if it is missing.
    ///
    /// Files of these names are replaced, each at once; the key is readable by its owner only.
    /// - Throws: ``TLSError/file(_:path:problem:)``.
    package func write(to directory: String) throws(TLSError) {
        try File.makeDirectory(directory, as: .certificate)
        try File.write(self.key, to: directory + "/tls.key", as: .key, mode: 0o600)
        try File.write(
            self.certificate,
            to: directory + "/tls.crt",
            as: .certificate,
            mode: 0o644
        )
        try File.write(self.authority, to: directory + "/ca.crt", as: .trustedCA, mode: 0o644)
    }
}
