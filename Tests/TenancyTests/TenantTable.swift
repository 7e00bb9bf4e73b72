import ByreCore
import Tenancy

/// Tenants written down for a test.
struct TenantTable: TenantLookup {
    struct Row: Hashable, Sendable {
        var id: Int64
        var name: String
        var uid: String
        var lifecycle: TenantDefinition.Lifecycle = .active
        var identities: Set<TenantIdentity> = []
    }

    var rows: [Row]

    private func find(_ isMeant: (Row) -> Bool) -> Row? {
        self.rows.first { $0.lifecycle != .deleting && isMeant($0) }
    }

    func tenant(named name: String) -> Row? { self.find { $0.name == name } }
    func tenant(uid: String) -> Row? { self.find { $0.uid == uid } }
    func tenant(with identity: TenantIdentity) -> Row? {
        self.find { $0.identities.contains(identity) }
    }
    func id(of tenant: Row) -> TenantID { TenantID(rawValue: tenant.id) }
    func isSuspended(_ tenant: Row) -> Bool { tenant.lifecycle == .suspended }
}

extension ClientFacts {
    /// Facts in a line: `cn=acme dns=a.example uri=urn:x ca=00ff name=acme.example`.
    ///
    /// Everything but a name comes with a certificate, and so does `cert`.
    init(_ line: String) {
        self.init()
        for word in line.split(separator: " ") {
            let parts = word.split(separator: "=", maxSplits: 1)
            let value = parts.count > 1 ? String(parts[1]) : ""
            if parts[0] != "name" { self.hasCertificate = true }
            switch parts[0] {
            case "cn": self.commonName = value
            case "dns": self.dnsNames.append(value)
            case "uri": self.uris.append(value)
            case "ca": self.authorities.append(value)
            case "name": self.serverName = value
            case "cert": break
            default: preconditionFailure("\(word) is no fact")
            }
        }
    }
}
