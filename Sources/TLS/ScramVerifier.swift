import COpenSSL

/// A password as PostgreSQL keeps it: what proves that somebody knows it, and does not tell it.
///
/// `SCRAM-SHA-256$ITERATIONS:SALT$STOREDKEY:SERVERKEY`, the last three in base 64.
///
/// RFC 5802, section 3; PostgreSQL: <https://www.postgresql.org/docs/15/catalog-pg-authid.html>
package struct ScramVerifier: Hashable, Sendable {
    package let text: String
    /// SHA-256 of ``text``, in hexadecimal digits.
    package let digest: String

    private static let iterations = 4_096
    private static let saltBytes = 16
    private static let digestBytes = Int(SHA256_DIGEST_LENGTH)

    /// Makes the verifier of a password of ASCII characters, which no preparation of strings changes.
    ///
    /// The salt follows from the password and the role, so that whoever has the password can tell
    /// whether a verifier is its own. That is safe for passwords that are random and long, as those of
    /// ``randomPassword(using:)``, and for no others.
    package init(password: String, role: String) throws(TLSError) {
        let password = [UInt8](password.utf8)
        let salt = Array(
            try Self.hmac(password, [UInt8]("byre sql reader \(role)".utf8)).prefix(Self.saltBytes)
        )
        var salted = [UInt8](repeating: 0, count: Self.digestBytes)
        let derived = password.withUnsafeBytes { password in
            PKCS5_PBKDF2_HMAC(
                password.baseAddress?.assumingMemoryBound(to: CChar.self),
                CInt(password.count),
                salt,
                CInt(salt.count),
                CInt(Self.iterations),
                EVP_sha256(),
                CInt(Self.digestBytes),
                &salted
            )
        }
        try OpenSSL.check(derived, "deriving a key")
        let clientKey = try Self.hmac(salted, [UInt8]("Client Key".utf8))
        let serverKey = try Self.hmac(salted, [UInt8]("Server Key".utf8))
        let text =
            "SCRAM-SHA-256$\(Self.iterations):\(Self.base64(salt))"
            + "$\(Self.base64(Self.sha256(clientKey))):\(Self.base64(serverKey))"
        self.text = text
        self.digest = Self.sha256([UInt8](text.utf8)).map { byte in
            (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }.joined()
    }

    private static func sha256(_ bytes: [UInt8]) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: self.digestBytes) { digest, count in
            SHA256(bytes, bytes.count, digest.baseAddress)
            count = self.digestBytes
        }
    }

    private static func hmac(_ key: [UInt8], _ text: [UInt8]) throws(TLSError) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: self.digestBytes)
        var count: CUnsignedInt = 0
        let made = HMAC(EVP_sha256(), key, CInt(key.count), text, text.count, &digest, &count)
        guard made != nil else { throw .library("authenticating: \(OpenSSL.takeReason())") }
        return digest
    }

    private static func base64(_ bytes: [UInt8]) -> String {
        // Four characters for three bytes, and a zero at the end.
        let lengthMax = (bytes.count + 2) / 3 * 4 + 1
        let text = [UInt8](unsafeUninitializedCapacity: lengthMax) { text, count in
            count = Int(EVP_EncodeBlock(text.baseAddress, bytes, CInt(bytes.count)))
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// A password of 256 random bits.
    package static func randomPassword(using generator: inout some RandomNumberGenerator) -> String
    {
        (0..<4).map { _ in
            let digits = String(generator.next(), radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
    }
}
