import ByreCore
import Controller
import FoundationEssentials
import TLS
import Testing

/// Plans over certificates that a real authority has issued.
@Suite
final class CertificatePlanTests {
    private let directory = FileManager.default.temporaryDirectory.path + "/byre-\(UUID())"

    deinit {
        try? FileManager.default.removeItem(atPath: self.directory)
    }

    private static let lifetime: Int64 = 9_000

    private func issued(
        _ name: String = "ca",
        days: Int = 10,
        uid: String = acmeUID,
        seconds: Int = 9_000
    ) throws -> (Credentials.KeyPair, Authority) {
        let path = "\(self.directory)/\(name)"
        _ = try Authority.create(in: path, commonName: name, days: days, key: .ecdsa)
        let authority = try Authority(in: path)
        var request = Authority.Request(.client, commonName: "acme", validSeconds: seconds)
        request.uris = ["urn:byre:tenant:" + uid]
        let issued = try authority.issue(request)
        let keyPair = Credentials.KeyPair(
            certificate: issued.certificate,
            key: issued.key,
            authority: issued.authority
        )
        return (keyPair, authority)
    }

    private func situation(
        _ keyPair: Credentials.KeyPair,
        _ authority: Authority
    ) throws -> Situation {
        var situation = ControllerTests.situation(present())
        var credentials = Credentials()
        credentials.keyPair = keyPair
        situation.stored = StoredCredentials(
            credentials: credentials,
            isIncomplete: false,
            version: "1"
        )
        situation.issuer = .usable(
            ends: authority.notAfter,
            certificate: authority.certificateBytes
        )
        situation.certificate = .present(
            try StoredCertificate(certificate: keyPair.certificate, key: keyPair.key),
            isOfIssuer: authority.hasIssued(keyPair.certificate)
        )
        return situation
    }

    private var desired: DesiredTenant {
        declared {
            var request = CredentialRequest()
            request.lifetimeSeconds = Self.lifetime
            $0.credentials = request
        }
    }

    @Test
    func aCertificateIsRenewedAtTwoThirdsOfItsLife() throws {
        let (keyPair, authority) = try self.issued()
        let situation = try self.situation(keyPair, authority)
        let stored = try StoredCertificate(certificate: keyPair.certificate, key: keyPair.key)
        let renewal = stored.notBefore + 300 + 6_000
        #expect(steps(self.desired, situation, now: renewal - 1) == [])
        #expect(steps(self.desired, situation, now: renewal) == ["issue_certificate"])
        // A shorter life that is asked for now counts from the beginning of the old one.
        var shorter = self.desired
        shorter.credentials?.lifetimeSeconds = 300
        #expect(
            steps(shorter, situation, now: stored.notBefore + 300 + 200) == ["issue_certificate"]
        )
    }

    @Test
    func aCertificateThatServesNobodyIsReplaced() throws {
        let (keyPair, authority) = try self.issued()
        let (_, other) = try self.issued("other")
        let (stranger, _) = try self.issued(uid: "22222222-2222-4222-8222-222222222222")
        let now = try StoredCertificate(certificate: keyPair.certificate, key: keyPair.key)
            .notBefore
        let good = try self.situation(keyPair, authority)
        #expect(steps(self.desired, good, now: now) == [])
        #expect(!other.hasIssued(keyPair.certificate))
        #expect(
            steps(self.desired, try self.situation(keyPair, other), now: now)
                == ["issue_certificate"]
        )
        #expect(
            steps(self.desired, try self.situation(stranger, authority), now: now)
                == ["issue_certificate"]
        )
        var broken = good
        broken.certificate = .unusable
        #expect(steps(self.desired, broken, now: now) == ["issue_certificate"])
        var gone = good
        gone.certificate = .none
        #expect(steps(self.desired, gone, now: now) == ["issue_certificate"])
        #expect(throws: TLSError.self) {
            try StoredCertificate(certificate: keyPair.certificate, key: stranger.key)
        }
    }

    @Test
    func withoutAnAuthorityItIsAConditionOnlyWhenOneIsNeeded() throws {
        let (keyPair, authority) = try self.issued()
        var situation = try self.situation(keyPair, authority)
        situation.issuer = .missing("ca/ca.key is not there")
        let stored = try StoredCertificate(certificate: keyPair.certificate, key: keyPair.key)
        #expect(reasons(self.desired, situation, now: stored.notBefore) == [])
        #expect(
            reasons(self.desired, situation, now: stored.notAfter - 10) == [.authorityMissing]
        )
        #expect(steps(self.desired, situation, now: stored.notAfter - 10) == [])
    }

    @Test
    func anAuthorityThatEndsNoLaterIsAConditionAndNotAFlood() throws {
        let (keyPair, authority) = try self.issued(days: 1, seconds: 10 * 86_400)
        let situation = try self.situation(keyPair, authority)
        var desired = self.desired
        desired.credentials?.lifetimeSeconds = 10 * 86_400
        let now = authority.notAfter - 100
        #expect(steps(desired, situation, now: now) == [])
        #expect(reasons(desired, situation, now: now) == [.authorityExpiring])
    }

    @Test
    func whatGoesWithACertificateIsStoredAgainWithoutAnotherOne() throws {
        let (keyPair, authority) = try self.issued()
        let situation = try self.situation(keyPair, authority)
        let now = try StoredCertificate(certificate: keyPair.certificate, key: keyPair.key)
            .notBefore
        var moved = self.desired
        moved.credentials?.endpoints = ["https://db:2379"]
        #expect(steps(moved, situation, now: now) == ["store_credentials"])
        var incomplete = situation
        incomplete.stored?.isIncomplete = true
        #expect(steps(self.desired, incomplete, now: now) == ["store_credentials"])
    }
}
