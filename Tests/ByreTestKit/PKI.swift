import Foundation

/// Certificates for tests, made once per process by the `openssl` command.
///
/// Two CAs (`ca`, `other`), and below the first: servers, and clients of every fate. The files
/// are `NAME.crt` and `NAME.key`.
package struct PKI: Sendable {
    package static let shared = PKI()

    private let temporary: TemporaryDirectory

    /// The path of a file of the PKI, such as `ca.crt`.
    package func path(_ name: String) -> String { "\(self.temporary.path)/\(name)" }

    private init() {
        do {
            self.temporary = try TemporaryDirectory()
            try Shell.run(Self.script, in: self.temporary.path)
        } catch {
            preconditionFailure("certificates for tests: \(error)")
        }
        // A static value is never released.
        atexit { PKI.shared.temporary.remove() }
    }

    /// Every line is checked; the names are those of the tests.
    private static let script = """
        set -e
        curve='-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'
        authority() {
            openssl req -x509 $curve -keyout $1.key -out $1.crt -days 3650 -subj "/O=Test/CN=$1" \\
                -addext basicConstraints=critical,CA:TRUE
        }
        # issue NAME CA SUBJECT USAGE ALTERNATIVE_NAMES
        issue() {
            openssl req -x509 $curve -keyout $1.key -out $1.crt -days 3650 -subj "$3" \\
                -CA $2.crt -CAkey $2.key -addext basicConstraints=critical,CA:FALSE \\
                -addext extendedKeyUsage=$4 -addext "subjectAltName=$5"
        }
        authority ca
        authority other
        openssl req -x509 $curve -keyout namesake.key -out namesake.crt -days 3650 \\
            -subj /O=Test/CN=ca -addext basicConstraints=critical,CA:TRUE
        openssl req -x509 $curve -keyout wordy.key -out wordy.crt -days 3650 \\
            -subj "$(printf '/OU=%060d' 1 2 3 4 5 6 7 8 9 10)"
        openssl req -x509 $curve -keyout middle.key -out middle.crt -days 3650 \\
            -subj /O=Test/CN=middle -CA ca.crt -CAkey ca.key \\
            -addext basicConstraints=critical,CA:TRUE
        issue server ca /CN=server serverAuth DNS:localhost,DNS:byre.example,IP:127.0.0.1,IP:::1
        issue renewed ca /CN=renewed serverAuth DNS:localhost,IP:127.0.0.1
        issue client ca '/O=system:masters/CN=tenant-a' clientAuth \\
            URI:spiffe://byre/tenant-a,DNS:a.example,email:a@example.org,IP:192.0.2.7,IP:2001:db8::1
        issue foreign other /CN=tenant-a clientAuth DNS:a.example
        issue revoked ca /CN=revoked clientAuth DNS:revoked.example
        issue servery ca /CN=servery serverAuth DNS:servery.example
        issue lower middle '/CN=lower' clientAuth DNS:lower.example
        cat middle.crt >> lower.crt
        openssl req -x509 -newkey rsa:2048 -nodes -keyout rsa.key -out rsa.crt -days 3650 \\
            -subj /CN=rsa -CA ca.crt -CAkey ca.key -addext subjectAltName=DNS:localhost

        # The two that `req` cannot make: an expired certificate and a revocation list.
        : > index; echo 01 > crlnumber
        cat > ca.conf <<CONF
        [ca]
        default_ca = d
        [d]
        database = index
        crlnumber = crlnumber
        rand_serial = yes
        new_certs_dir = .
        default_md = sha256
        policy = p
        x509_extensions = e
        unique_subject = no
        [p]
        commonName = supplied
        [e]
        basicConstraints = critical,CA:FALSE
        subjectAltName = DNS:localhost
        CONF
        openssl req -new $curve -keyout expired.key -out expired.csr -subj /CN=expired
        openssl ca -batch -config ca.conf -cert ca.crt -keyfile ca.key -in expired.csr \\
            -out expired.crt -startdate 20200101000000Z -enddate 20200102000000Z -notext
        openssl ca -config ca.conf -cert ca.crt -keyfile ca.key -gencrl -crldays 3650 -out clean.pem
        openssl ca -config ca.conf -cert ca.crt -keyfile ca.key -revoke revoked.crt
        openssl ca -config ca.conf -cert ca.crt -keyfile ca.key -gencrl -crldays 3650 -out crl.pem
        openssl crl -in crl.pem -outform DER -out crl.der
        openssl ca -config ca.conf -cert namesake.crt -keyfile namesake.key -gencrl \\
            -crldays 3650 -out forged.pem
        openssl ca -config ca.conf -cert ca.crt -keyfile ca.key -gencrl \\
            -crl_lastupdate 20200101000000Z -crl_nextupdate 20200102000000Z -out late.pem

        openssl ec -in server.key -aes256 -passout pass:secret -out locked.key
        head -c 300 server.crt > cut.crt
        head -c 100 server.key > cut.key
        sed '2s/^M/A/' server.crt > mangled.crt
        cat server.crt cut.crt > second-cut.crt
        : > empty.pem
        echo 'not a certificate' > text.pem
        """
}
