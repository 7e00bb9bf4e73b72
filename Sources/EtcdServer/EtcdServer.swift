package import Engine
package import GRPC

/// The etcd v3 API over one store: a method for each RPC, run on the caller's event loop.
///
/// Reads answer there; writes are queued for the committer and answered when they are durable.
package final class EtcdServer: Sendable {
    package let store: Store
    package let settings: Settings
    /// Who is who.
    package let access: TenantAccess
    let watchLoops = WatchLoops()

    package init(store: Store, access: TenantAccess, settings: Settings) {
        self.store = store
        self.access = access
        self.settings = settings
        let watchLoops = self.watchLoops
        store.observeTenants { event, _ in
            if case .erased(let tenant) = event { watchLoops.forget(tenant.id) }
        }
    }

    /// Pairs of an event loop and a tenant with watch streams on it, now or before.
    package var watchLoopCount: Int { self.watchLoops.count }

    /// Who calls, as a tenant. Every request goes through here.
    /// - Precondition: ``admit(_:)`` has let the call in, as a tenant's.
    func tenant(of call: ServerCall) -> TenantStore {
        if let tenant = call.caller as? TenantStore { return tenant }
        guard let tenant = (call.caller as? RawCaller)?.tenant else {
            preconditionFailure("a call is let in as a tenant's before it is handled")
        }
        return tenant
    }

    /// The header of an answer for a tenant.
    func header(_ tenant: TenantStore, at revision: Int64) -> ResponseHeader {
        ResponseHeader(
            clusterID: tenant.clusterID,
            memberID: tenant.memberID,
            revision: revision,
            raftTerm: Self.raftTerm
        )
    }

    /// There is no raft; a constant term that clients can compare. A fresh etcd is at 2 as well.
    static let raftTerm: UInt64 = 2
}

/// How the API behaves, beyond what the store does.
package struct Settings: Sendable {
    /// etcd version claimed, for example `3.7.1`.
    package var version = "3.7.1"
    /// Bytes a write may have, with etcd's envelope: `--max-request-bytes`.
    package var maxRequestBytes = 1_572_864
    /// Operations a transaction may have on each level: `--max-txn-ops`.
    package var maxTxnOps = 128
    /// `--name`.
    package var name = "default"
    /// URLs at which clients reach this server: `--advertise-client-urls`.
    package var clientURLs: [String] = []
    /// `--listen-peer-urls` has no meaning here; what MemberList answers with.
    package var peerURLs: [String] = []

    package init() {}

    /// gRPC's limit on one received message, and what a watch response that may be split is kept to.
    package var maxReceiveBytes: Int { Self.maxReceiveBytes(requestBytes: self.maxRequestBytes) }

    /// What etcd allows a message to be longer than the request in it: 512 KiB.
    package static func maxReceiveBytes(requestBytes: Int) -> Int { requestBytes + 512 << 10 }

    /// The version's first two numbers and a zero: what etcd calls cluster and storage version.
    package var clusterVersion: String {
        let parts = self.version.split(separator: ".")
        guard parts.count >= 2 else { return self.version }
        return "\(parts[0]).\(parts[1]).0"
    }
}

/// Event loops run the engine's replies.
extension LoopHandle: ReplyExecutor {}
