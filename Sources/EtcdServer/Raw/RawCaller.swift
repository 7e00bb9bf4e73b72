import ByreCore
import EtcdAPI
import Engine
import GRPC

/// An administrator who makes a call: the keys in it are raw ones, prefix + key of any tenant.
final class RawCaller {
    let administrator: String
    /// The tenant in whose part of the keyspace the call turned out to be.
    var tenant: TenantStore?

    init(administrator: String) {
        self.administrator = administrator
    }
}

/// What an administrator may not do with raw keys.
enum RawRefusal: Error {
    /// A change, or a watch, that is not within one tenant's part.
    case notOneTenant
    /// A revision, which each tenant counts for itself.
    case revision
    /// An RPC that has no keys, and so no tenant.
    case noKeys
    case tooLarge
    case suspended

    var status: Status {
        switch self {
        case .notOneTenant:
            Status(
                .invalidArgument,
                "byre: an administrator's keys begin with a tenant's prefix; whatever changes or "
                    + "watches keys must stay within one prefix"
            )
        case .revision:
            Status(
                .invalidArgument,
                "byre: each tenant counts its own revisions; a revision can be read within one "
                    + "prefix only"
            )
        case .noKeys:
            Status(
                .invalidArgument,
                "byre: this request is about one tenant and names no key; use the certificate of "
                    + "the tenant"
            )
        case .tooLarge:
            Status(
                .resourceExhausted,
                "byre: the answer is too large for the view of all tenants; set a limit"
            )
        case .suspended: Status(.unavailable, "byre: tenant is suspended")
        }
    }
}

extension EtcdServer {
    /// The tenants that an administrator sees, in the order of their raw keys.
    func rawTenants() -> [TenantStore] {
        self.store.directory.all.filter { $0.lifecycle != .deleting }
            .map { (tenant: $0, prefix: $0.definition.prefix) }
            .sorted { compareBytes($0.prefix, $1.prefix) < 0 }
            .map(\.tenant)
    }

    /// The tenant under whose prefix all of `ranges` lie, and the prefix.
    func rawTenant(
        of ranges: [KeyRange]
    ) throws(RawRefusal) -> (tenant: TenantStore, prefix: Bytes) {
        guard !ranges.isEmpty else { throw .notOneTenant }
        for tenant in self.store.directory.all where tenant.lifecycle != .deleting {
            let prefix = tenant.definition.prefix
            guard ranges[0].lies(under: prefix) else { continue }
            guard ranges.allSatisfy({ $0.lies(under: prefix) }) else { throw .notOneTenant }
            return (tenant, prefix)
        }
        throw .notOneTenant
    }

    /// Makes an administrator's call one within the tenant of its keys, for a change.
    /// - Returns: the tenant's prefix; nil when the call has been answered.
    func enter(_ ranges: [KeyRange], _ call: ServerCall) -> Bytes? {
        do throws(RawRefusal) {
            let (tenant, prefix) = try self.rawTenant(of: ranges)
            guard tenant.lifecycle == .active else { throw .suspended }
            (call.caller as? RawCaller)?.tenant = tenant
            return prefix
        } catch {
            call.fail(error.status)
            return nil
        }
    }

    /// The header of an answer about several tenants: none's ids, and no revision.
    static let rawHeader = ResponseHeader(
        clusterID: 0,
        memberID: 0,
        revision: 0,
        raftTerm: EtcdServer.raftTerm
    )
}
