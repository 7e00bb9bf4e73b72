package import Controller
import FoundationEssentials

/// What a Secret should hold. No part of it is ever logged.
package struct SecretContent: Hashable {
    /// Who looks after a Secret, as label `app.kubernetes.io/managed-by` says it.
    static let managerLabel = "app.kubernetes.io/managed-by"
    static let manager = "byre-controller"
    /// Which Tenant a Secret is for, as `namespace/name`: it may be another object of that name by now.
    static let tenantAnnotation = "byre.io/tenant"
    /// The names of the other Secrets of the same credentials, in the Secret of Byre's own form.
    static let othersAnnotation = "byre.io/secrets"
    /// By which Cluster API finds Secrets of a cluster.
    private static let clusterLabel = "cluster.x-k8s.io/cluster-name"

    package var name: String
    package var type: String
    package var data: [String: [UInt8]]
    package var labels: [String: String] = [:]
    var annotations: [String: String] = [:]

    /// All Secrets that `credentials` should be in; the first is the one of Byre's own form.
    ///
    /// Sources: `kubernetes.io/tls` is <https://kubernetes.io/docs/concepts/configuration/secret/>;
    /// of Cluster API's, the documentation of kubeadm's external etcd: `tls.crt` of `<cluster>-etcd`
    /// is what the API server trusts; HyperShift's are `hypershift` `api/hypershift/v1beta1`, `etcd`.
    package static func all(
        _ credentials: Credentials,
        for tenant: DesiredTenant
    ) -> [SecretContent] {
        let names = SecretNames(of: tenant)
        let pair = credentials.keyPair
        var others: [SecretContent] = []
        for shape in tenant.credentials?.shapes ?? [] {
            guard let pair else { break }
            switch shape {
            case .clusterAPI(let cluster):
                let labels = [Self.clusterLabel: cluster]
                others.append(
                    SecretContent(
                        name: "\(cluster)-etcd",
                        type: "Opaque",
                        data: ["tls.crt": pair.authority],
                        labels: labels
                    )
                )
                others.append(
                    SecretContent(
                        name: "\(cluster)-apiserver-etcd-client",
                        type: "Opaque",
                        data: ["tls.crt": pair.certificate, "tls.key": pair.key],
                        labels: labels
                    )
                )
            case .hyperShift(let secret):
                others.append(
                    SecretContent(
                        name: secret,
                        type: "Opaque",
                        data: [
                            "etcd-client-ca.crt": pair.authority,
                            "etcd-client.crt": pair.certificate,
                            "etcd-client.key": pair.key,
                        ]
                    )
                )
            }
        }
        others.sort { $0.name < $1.name }
        // An API server wants both members in a Secret of this type, if need be empty.
        var own = SecretContent(
            name: names.own,
            type: "kubernetes.io/tls",
            data: ["tls.crt": pair?.certificate ?? [], "tls.key": pair?.key ?? []]
        )
        own.data["ca.crt"] = pair?.authority
        if !credentials.endpoints.isEmpty {
            own.data["endpoint"] = Array(credentials.endpoints.joined(separator: ",").utf8)
        }
        if let login = credentials.sqlLogin {
            own.data["username"] = Array(login.role.utf8)
            own.data["password"] = Array(login.password.utf8)
        }
        own.annotations[Self.othersAnnotation] = others.map(\.name).joined(separator: ",")
        return [own] + others
    }

    /// The credentials that a Secret of Byre's own form holds.
    package static func credentials(in secret: JSONValue) -> Credentials {
        var credentials = Credentials()
        if let authority = Self.data("ca.crt", in: secret),
            let certificate = Self.data("tls.crt", in: secret),
            let key = Self.data("tls.key", in: secret)
        {
            credentials.keyPair = Credentials.KeyPair(
                certificate: certificate,
                key: key,
                authority: authority
            )
        }
        if let endpoint = Self.data("endpoint", in: secret) {
            credentials.endpoints = String(decoding: endpoint, as: UTF8.self)
                .split(separator: ",").map { String($0) }
        }
        if let role = Self.data("username", in: secret),
            let password = Self.data("password", in: secret)
        {
            credentials.sqlLogin = Credentials.SQLLogin(
                role: String(decoding: role, as: UTF8.self),
                password: String(decoding: password, as: UTF8.self)
            )
        }
        return credentials
    }

    /// The bytes of a member; nil for none, or for none in it.
    private static func data(_ name: String, in secret: JSONValue) -> [UInt8]? {
        guard let text = secret["data"]?[name]?.text, let bytes = Data(base64Encoded: text),
            !bytes.isEmpty
        else { return nil }
        return Array(bytes)
    }

    /// Whether `secret` is this tenant's: it may be changed.
    package static func isOwned(_ secret: JSONValue, by names: SecretNames) -> Bool {
        let metadata = secret["metadata"]
        let owners = metadata?["ownerReferences"]?.array ?? []
        if owners.contains(where: { $0["uid"]?.text == names.tenantUID }) { return true }
        // An object that was made again under its name.
        return metadata?["labels"]?[Self.managerLabel]?.text == Self.manager
            && metadata?["annotations"]?[Self.tenantAnnotation]?.text
                == "\(names.namespace)/\(names.tenant)"
    }

    /// This content as an object: a new one, or `secret` with what must be different.
    package func object(over secret: JSONValue?, _ names: SecretNames) -> JSONValue {
        var object: JSONValue =
            secret ?? [
                "apiVersion": "v1", "kind": "Secret",
                "metadata": [
                    "name": .string(self.name), "namespace": .string(names.namespace),
                ],
            ]
        object["type"] = .string(self.type)
        object["data"] = .object(
            self.data.mapValues { .string(Data($0).base64EncodedString()) }
        )
        var metadata = object["metadata"]?.object ?? [:]
        var labels = metadata["labels"]?.object ?? [:]
        labels[Self.managerLabel] = .string(Self.manager)
        for (name, value) in self.labels { labels[name] = .string(value) }
        metadata["labels"] = .object(labels)
        var annotations = metadata["annotations"]?.object ?? [:]
        annotations[Self.tenantAnnotation] = .string("\(names.namespace)/\(names.tenant)")
        for (name, value) in self.annotations { annotations[name] = .string(value) }
        metadata["annotations"] = .object(annotations)
        metadata["ownerReferences"] = .array(Self.owners(metadata["ownerReferences"], names))
        object["metadata"] = .object(metadata)
        return object
    }

    /// The owners that are there, without earlier objects of the tenant's name, and the tenant.
    private static func owners(_ there: JSONValue?, _ names: SecretNames) -> [JSONValue] {
        let tenant: JSONValue = [
            "apiVersion": .string(Resource.tenants.apiVersion),
            "kind": .string(Resource.tenants.kind), "name": .string(names.tenant),
            "uid": .string(names.tenantUID), "controller": true,
        ]
        let others = (there?.array ?? []).filter {
            $0["kind"]?.text != Resource.tenants.kind || $0["name"]?.text != names.tenant
        }
        return others + [tenant]
    }
}
