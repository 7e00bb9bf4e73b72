import ByreCore
package import Controller

/// Credentials in Secrets, beside the Tenant that they are for and owned by it.
///
/// A Secret that is there and not the tenant's is left alone, and said to be in the way. Of one that
/// is, all members are replaced; labels, annotations and owners of others stay.
package struct SecretSink: CredentialSink {
    private let pool: ConnectionPool

    init(_ pool: ConnectionPool) {
        self.pool = pool
    }

    package func read(for tenant: DesiredTenant) throws(SinkFailure) -> StoredCredentials {
        let names = SecretNames(of: tenant)
        let nothing = StoredCredentials(
            credentials: Credentials(),
            isIncomplete: false,
            version: ""
        )
        // Nothing will be done about them, so nothing that is wrong with them is in the way.
        if tenant.isRemoved, tenant.deletionPolicy == .retain { return nothing }
        return try self.explaining(names) { client throws(APIError) in
            guard let own = try client.get(.secrets, names.own, in: names.namespace) else {
                return nothing
            }
            if tenant.isRemoved, !SecretContent.isOwned(own, by: names) { return nothing }
            try self.check(own, names)
            let credentials = SecretContent.credentials(in: own)
            var isIncomplete = false
            for content in SecretContent.all(credentials, for: tenant) {
                let secret =
                    content.name == names.own
                    ? own : try client.get(.secrets, content.name, in: names.namespace)
                if secret.map({ content.object(over: $0, names) != $0 }) ?? true {
                    isIncomplete = true
                }
            }
            return StoredCredentials(
                credentials: credentials,
                isIncomplete: isIncomplete,
                version: own.resourceVersion ?? ""
            )
        }
    }

    package func write(
        _ credentials: Credentials,
        for tenant: DesiredTenant,
        replacing version: String
    ) throws(SinkFailure) {
        let names = SecretNames(of: tenant)
        let contents = SecretContent.all(credentials, for: tenant)
        try self.explaining(names) { client throws(APIError) in
            var stale: Set<String> = []
            for content in contents {
                let secret = try client.get(.secrets, content.name, in: names.namespace)
                if content.name == names.own {
                    guard secret?.resourceVersion ?? "" == version else { throw Self.conflict }
                    stale = Self.others(of: secret)
                }
                try self.put(content, over: secret, names, client)
            }
            for name in stale.subtracting(contents.map(\.name)) {
                try self.remove(name, names, client)
            }
        }
    }

    package func remove(for tenant: DesiredTenant) throws(SinkFailure) {
        let names = SecretNames(of: tenant)
        try self.explaining(names) { client throws(APIError) in
            // The others first: their names are in this one.
            let own = try client.get(.secrets, names.own, in: names.namespace)
            guard let own, SecretContent.isOwned(own, by: names) else { return }
            for name in Self.others(of: own) { try self.remove(name, names, client) }
            try client.delete(.secrets, own, in: names.namespace)
        }
    }

    /// What is thrown when something else is stored by now.
    private static let conflict = APIError.status(
        APIStatus(code: 409, reason: "Conflict", message: "the Secret is another one by now")
    )

    private static func others(of secret: JSONValue?) -> Set<String> {
        let names = secret?["metadata"]?["annotations"]?[SecretContent.othersAnnotation]?.text
        return Set((names ?? "").split(separator: ",").map { String($0) })
    }

    private func put(
        _ content: SecretContent,
        over secret: JSONValue?,
        _ names: SecretNames,
        _ client: ObjectClient
    ) throws(APIError) {
        let object = content.object(over: secret, names)
        guard let secret else {
            _ = try client.create(.secrets, object, in: names.namespace)
            return
        }
        try self.check(secret, names)
        guard object != secret else { return }
        // A Secret's type never changes.
        guard secret["type"]?.text == content.type else {
            try client.delete(.secrets, secret, in: names.namespace)
            _ = try client.create(
                .secrets,
                content.object(over: nil, names),
                in: names.namespace
            )
            return
        }
        _ = try client.replace(.secrets, content.name, object, in: names.namespace)
    }

    private func remove(
        _ name: String,
        _ names: SecretNames,
        _ client: ObjectClient
    ) throws(APIError) {
        let secret = try client.get(.secrets, name, in: names.namespace)
        guard let secret, SecretContent.isOwned(secret, by: names) else { return }
        try client.delete(.secrets, secret, in: names.namespace)
    }

    /// Refuses a Secret that is not the tenant's.
    private func check(_ secret: JSONValue, _ names: SecretNames) throws(APIError) {
        guard !SecretContent.isOwned(secret, by: names) else { return }
        throw .configuration(
            "Secret \(names.namespace)/\(secret.name ?? "") is there and not this Tenant's"
        )
    }

    private func explaining<Result>(
        _ names: SecretNames,
        _ body: (ObjectClient) throws(APIError) -> Result
    ) throws(SinkFailure) -> Result {
        do throws(APIError) {
            return try self.pool.withClient(body)
        } catch {
            guard !error.isConflict else { throw .conflict }
            throw .unavailable("Secrets of Tenant \(names.namespace)/\(names.tenant): \(error)")
        }
    }
}
