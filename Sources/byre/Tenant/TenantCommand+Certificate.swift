import ByreAPI
import ByreCore
import TLS

extension TenantCommand {
    /// Makes a certificate for the tenant's clients. The authority's key stays on this machine: the
    /// server is only asked for the tenant's uid.
    func certificate() throws(CommandFailure) {
        let directory = self.options.outputDirectory ?? "."
        let tenant = try self.get(from: try self.connect())
        guard tenant.state == .active || tenant.state == .suspended else {
            throw CommandFailure(.conflict, "tenant \(tenant.name) is \(tenant.state.text)")
        }
        let authority = self.options.authorityDirectory
        let issued = try AuthorityCommand.withAuthority(authority) { () throws(TLSError) in
            var request = Authority.Request(
                .client,
                commonName: tenant.name,
                days: self.options.days
            )
            request.uris = ["urn:byre:tenant:" + tenant.uid]
            request.key = self.options.usesRSA ? .rsa : .ecdsa
            let issued = try Authority(in: authority).issue(request)
            try issued.write(to: directory)
            return issued
        }
        try self.tell(issued, tenant, directory)
    }

    private func tell(
        _ issued: Authority.Issued,
        _ tenant: ByreTenant,
        _ directory: String
    ) throws(CommandFailure) {
        try self.tell(
            "\(directory) has ca.crt, tls.crt and tls.key of tenant \(tenant.name), valid until "
                + issued.lastDay,
            TenantJSON.Certificate(
                tenant: tenant.name,
                uid: tenant.uid,
                directory: directory,
                lastDay: issued.lastDay
            )
        )
    }
}
