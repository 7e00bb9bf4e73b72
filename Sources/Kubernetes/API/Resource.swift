/// A kind of object as paths of the API name it.
package struct Resource: Hashable, Sendable {
    /// Empty for Kubernetes' first group.
    package var group: String
    package var version: String
    /// In lower case, many: `secrets`.
    package var plural: String
    /// As objects name it: `Secret`.
    package var kind: String

    package init(group: String, version: String, plural: String, kind: String) {
        self.group = group
        self.version = version
        self.plural = plural
        self.kind = kind
    }

    /// What objects say in `apiVersion`.
    package var apiVersion: String {
        self.group.isEmpty ? self.version : "\(self.group)/\(self.version)"
    }

    /// The path of all objects, or of all in a namespace.
    package func path(in namespace: String?) -> String {
        let root =
            self.group.isEmpty
            ? "/api/\(self.version)" : "/apis/\(self.group)/\(self.version)"
        guard let namespace else { return "\(root)/\(self.plural)" }
        return "\(root)/namespaces/\(URLText.escaped(namespace))/\(self.plural)"
    }

    /// The path of one object, or of a part of it: `status`.
    package func path(
        of name: String,
        in namespace: String?,
        subresource: String? = nil
    ) -> String {
        let path = "\(self.path(in: namespace))/\(URLText.escaped(name))"
        return subresource.map { "\(path)/\($0)" } ?? path
    }
}

extension Resource {
    package static let tenants = Resource(
        group: "byre.io",
        version: "v1alpha1",
        plural: "tenants",
        kind: "Tenant"
    )
    package static let secrets = Resource(
        group: "",
        version: "v1",
        plural: "secrets",
        kind: "Secret"
    )
    package static let namespaces = Resource(
        group: "",
        version: "v1",
        plural: "namespaces",
        kind: "Namespace"
    )
    package static let leases = Resource(
        group: "coordination.k8s.io",
        version: "v1",
        plural: "leases",
        kind: "Lease"
    )
    package static let events = Resource(
        group: "events.k8s.io",
        version: "v1",
        plural: "events",
        kind: "Event"
    )
}

/// Text as it stands in a URL.
enum URLText {
    /// Percent-encodes everything but RFC 3986's unreserved characters.
    static func escaped(_ text: String) -> String {
        var escaped = ""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
                UInt8(ascii: "_"), UInt8(ascii: "~"):
                escaped.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                escaped += byte < 16 ? "%0\(digits)" : "%\(digits)"
            }
        }
        return escaped
    }

    /// Puts a query after a path.
    static func path(_ path: String, _ query: [(name: String, value: String)]) -> String {
        guard !query.isEmpty else { return path }
        return path + "?"
            + query.map { "\(self.escaped($0.name))=\(self.escaped($0.value))" }
            .joined(separator: "&")
    }
}
