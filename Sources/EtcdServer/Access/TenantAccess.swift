import EtcdAPI
package import Engine
package import GRPC
package import Tenancy

/// Finds out who calls, by the rules of the listener that the connection came through.
///
/// What was found is kept with the connection until the tenants change.
package final class TenantAccess: Sendable {
    private let store: Store
    /// By the name of the listener.
    private let rules: [String: IdentityRules]

    /// What is kept with a connection.
    private final class Finding: Sendable {
        /// Of the tenants it was found among.
        let version: Int
        /// The host of `:authority`, where it decides; each call has its own.
        let authority: String?
        let caller: Caller
        /// The connection's places among its tenants' connections, the newest last.
        let seats: [ConnectionSeat]

        init(version: Int, authority: String?, caller: Caller, seats: [ConnectionSeat]) {
            self.version = version
            self.authority = authority
            self.caller = caller
            self.seats = seats
        }
    }

    /// Tenants that one connection may count as a connection of, where each request says whose it is;
    /// for one more it gives up the place that it took first.
    package static let seatsMax = 16

    /// - Parameter rules: by the name of the listener; on one without rules everybody is rejected.
    package init(_ store: Store, rules: [String: IdentityRules]) {
        self.store = store
        self.rules = rules
    }

    /// Counts the changes of the tenants.
    package var version: Int { self.store.directory.version }

    /// The tenant has as many connections as it may have; this one is closed.
    static let noSeat = Status(EtcdError.tooManyRequests)

    /// Who makes a call.
    package func caller(of call: ServerCall) -> Caller {
        self.caller(call.peer) { call.authority }
    }

    /// Who is at the other end of a connection.
    /// - Parameter authority: the host that a request is addressed to, with its port if it has one.
    package func caller(_ peer: Peer, authority: () -> String?) -> Caller {
        let directory = self.store.directory
        if let finding = peer.remembered as? Finding, finding.version == directory.version,
            finding.authority == nil || finding.authority == authority()
        {
            return finding.caller
        }
        guard let rules = self.rules[peer.listener] else {
            return .rejected(Status(Rejection.unmapped))
        }
        // The server name of TLS is the connection's; without it each request says whom it wants.
        var decisive: String?
        if rules.looksAtServerName, peer.tls?.serverName == nil { decisive = authority() }
        let resolution = rules.resolve(
            ClientFacts(peer, authority: decisive),
            in: DirectoryLookup(directory: directory)
        )
        let caller: Caller =
            switch resolution {
            case .tenant(let tenant): .tenant(tenant)
            case .raw(let administrator): .raw(administrator: administrator)
            case .rejected(let rejection): .rejected(Status(rejection))
            }
        let before = (peer.remembered as? Finding)?.seats ?? []
        // Where each request says whose it is, the next may be another tenant's, and then again the
        // one's of before.
        var seats = decisive == nil ? [] : before.filter { !$0.tenant.isErased }
        if case .tenant(let tenant) = caller, !seats.contains(where: { $0.tenant === tenant }) {
            let kept = before.first { $0.tenant === tenant }
            guard let seat = kept ?? ConnectionSeat(tenant) else { return .rejected(Self.noSeat) }
            if seats.count == Self.seatsMax { seats.removeFirst() }
            seats.append(seat)
        }
        if decisive != nil || !rules.looksAtServerName || peer.tls?.serverName != nil {
            peer.remember(
                Finding(
                    version: directory.version,
                    authority: decisive,
                    caller: caller,
                    seats: seats
                )
            )
        }
        return caller
    }
}

extension ClientFacts {
    init(_ peer: Peer, authority: String?) {
        self.init()
        if let tls = peer.tls, tls.certificate != nil {
            self.hasCertificate = true
            self.uris = tls.uris
            self.dnsNames = tls.dnsNames
            self.commonName = tls.commonName
            self.authorities = tls.authorities.map { Self.hexadecimal($0.keyDigest) }
        }
        self.serverName = peer.tls?.serverName ?? authority.map(Self.host)
    }

    /// The host in `host:port` or `[host]:port`.
    private static func host(_ authority: String) -> String {
        if authority.hasPrefix("[") {
            return String(authority.dropFirst().prefix { $0 != "]" })
        }
        return String(authority.prefix { $0 != ":" })
    }

    private static func hexadecimal(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef")
        return String(bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
    }
}
