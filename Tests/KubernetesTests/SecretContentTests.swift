import Controller
import Kubernetes
import Testing

@Suite struct SecretContentTests {
    private static let uid = "6f1f8f2e-0000-4000-8000-000000000001"

    private static func tenant(_ shapes: Set<CredentialShape> = []) -> DesiredTenant {
        var tenant = DesiredTenant(
            key: DeclarationKey("prod/acme"),
            name: "acme",
            place: "Tenant prod/acme",
            source: "prod/acme/\(uid)"
        )
        var request = CredentialRequest()
        request.shapes = shapes
        tenant.credentials = request
        return tenant
    }

    private static var credentials: Credentials {
        var credentials = Credentials()
        credentials.keyPair = Credentials.KeyPair(
            certificate: Array("CERT".utf8),
            key: Array("KEY".utf8),
            authority: Array("CA".utf8)
        )
        credentials.endpoints = ["https://a:2379", "https://b:2379"]
        credentials.sqlLogin = Credentials.SQLLogin(role: "reader", password: "p")
        return credentials
    }

    /// Names, types and members, as text.
    private func shown(_ contents: [SecretContent]) -> [String] {
        contents.map { content in
            let data = content.data.sorted { $0.key < $1.key }
                .map { "\($0.key)=\(String(decoding: $0.value, as: UTF8.self))" }
            return "\(content.name) \(content.type) \(data.joined(separator: " "))"
        }
    }

    @Test func theSecretHasAllOfIt() {
        #expect(
            self.shown(SecretContent.all(Self.credentials, for: Self.tenant())) == [
                "acme-byre kubernetes.io/tls ca.crt=CA endpoint=https://a:2379,https://b:2379 "
                    + "password=p tls.crt=CERT tls.key=KEY username=reader"
            ]
        )
    }

    @Test func consumersFindTheirOwnNames() {
        let contents = SecretContent.all(
            Self.credentials,
            for: Self.tenant([.clusterAPI(cluster: "c1"), .hyperShift(secret: "h")])
        )
        #expect(
            self.shown(Array(contents.dropFirst())) == [
                "c1-apiserver-etcd-client Opaque tls.crt=CERT tls.key=KEY",
                "c1-etcd Opaque tls.crt=CA",
                "h Opaque etcd-client-ca.crt=CA etcd-client.crt=CERT etcd-client.key=KEY",
            ]
        )
        #expect(contents[1].labels == ["cluster.x-k8s.io/cluster-name": "c1"])
    }

    @Test func whatWasWrittenIsReadBack() throws {
        let names = SecretNames(of: Self.tenant())
        let content = SecretContent.all(Self.credentials, for: Self.tenant())[0]
        let secret = content.object(over: nil, names)
        #expect(SecretContent.credentials(in: secret) == Self.credentials)
        #expect(SecretContent.isOwned(secret, by: names))
        let owner = secret["metadata"]?["ownerReferences"]?.array?.first
        #expect(owner?["uid"]?.text == Self.uid)
        #expect(owner?["kind"]?.text == "Tenant")
    }

    @Test func writingTheSameChangesNothing() {
        let names = SecretNames(of: Self.tenant())
        for content in SecretContent.all(
            Self.credentials,
            for: Self.tenant([.clusterAPI(cluster: "c1")])
        ) {
            var secret = content.object(over: nil, names)
            // What an API server adds.
            var metadata = secret["metadata"]?.object ?? [:]
            metadata["resourceVersion"] = "9"
            metadata["managedFields"] = [["manager": "byre-controller"]]
            secret["metadata"] = .object(metadata)
            #expect(content.object(over: secret, names) == secret)
        }
    }

    @Test func whatOthersPutOnASecretStays() {
        let names = SecretNames(of: Self.tenant())
        let content = SecretContent.all(Self.credentials, for: Self.tenant())[0]
        var secret = content.object(over: nil, names)
        var metadata = secret["metadata"]?.object ?? [:]
        metadata["labels"] = ["theirs": "yes"]
        metadata["annotations"] = ["theirs": "too"]
        metadata["ownerReferences"] = [
            ["kind": "Cluster", "name": "c", "uid": "1"],
            ["kind": "Tenant", "name": "acme", "uid": "of an earlier one"],
        ]
        secret["metadata"] = .object(metadata)
        let written = content.object(over: secret, names)["metadata"]
        #expect(written?["labels"]?["theirs"] == "yes")
        #expect(written?["labels"]?["app.kubernetes.io/managed-by"] == "byre-controller")
        #expect(written?["annotations"]?["theirs"] == "too")
        let owners = written?["ownerReferences"]?.array ?? []
        #expect(owners.map { $0["uid"]?.text } == ["1", Self.uid])
    }

    @Test func aSecretOfAnotherIsNotTheTenants() {
        let names = SecretNames(of: Self.tenant())
        let theirs: JSONValue = ["metadata": ["name": "acme-byre"]]
        #expect(!SecretContent.isOwned(theirs, by: names))
        let ofAnother: JSONValue = [
            "metadata": [
                "labels": ["app.kubernetes.io/managed-by": "byre-controller"],
                "annotations": ["byre.io/tenant": "prod/other"],
            ]
        ]
        #expect(!SecretContent.isOwned(ofAnother, by: names))
    }
}
