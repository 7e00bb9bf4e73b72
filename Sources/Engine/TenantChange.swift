package import ByreCore

/// What an administrator may do to the registry. Suspending, deleting, taking back and setting limits
/// are replacements.
package enum TenantChange: Sendable {
    /// Makes a tenant. Its generation is 1, whatever the definition says. Asked again with the same
    /// definition it answers with the tenant that is there.
    case create(TenantDefinition)
    /// Gives a tenant another definition; its generation becomes the next one.
    ///
    /// Refused when `ifGeneration` is given and not the present one, unless nothing is to change.
    case replace(TenantID, TenantDefinition, ifGeneration: Int64?)
}

/// Why the registry was not changed.
package enum TenantChangeError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Another tenant has the name; one that is being deleted has it until it is erased.
    case nameTaken(isDeleting: Bool)
    /// A tenant's prefix begins with this one, or is the beginning of it.
    case prefixTaken(by: String)
    /// An identity is another tenant's: listed by it, or its name as a common name.
    case identityTaken(TenantIdentity, by: String)
    case notFound
    case generationMismatch(present: Int64)
    /// The erasing of the tenant has begun: it cannot be taken back.
    case erased
    /// The store has as many tenants as it may: ``Configuration/tenantsMax``.
    case tooManyTenants
    /// The store has as many dedicated tenants as it may: ``Configuration/dedicatedTenantsMax``.
    case tooManyDedicatedTenants
    /// A dedicated tenant cannot be given a place of its own: a sentence.
    case noHome(String)
    /// More changes wait than may: ``Configuration/tenantChangesMax``.
    case tooManyChanges
    /// The tenant is being imported, or what a failed import left is being cleared.
    case importing
    case invalid(String)
    case backend(BackendError)
    case stopped

    package var description: String {
        switch self {
        case .nameTaken(isDeleting: false): "the name is another tenant's"
        case .nameTaken(isDeleting: true):
            "the name is that of a tenant being deleted: take that tenant back, rename it, or wait "
                + "until it is erased"
        case .prefixTaken(let name): "the prefix overlaps that of tenant \(name)"
        case .identityTaken(let identity, let name):
            "\(identity.kind.rawValue) \(identity.value) belongs to tenant \(name)"
        case .notFound: "there is no such tenant"
        case .generationMismatch(let present):
            "somebody else changed the tenant: its generation is \(present)"
        case .erased: "the tenant is being erased and cannot be taken back"
        case .tooManyTenants: "the store has as many tenants as it may"
        case .tooManyDedicatedTenants: "the store has as many dedicated tenants as it may"
        case .noHome(let why): why
        case .tooManyChanges: "too many changes of tenants wait"
        case .importing: "the tenant is being imported, or a failed import is being cleared"
        case .invalid(let why): why
        case .backend: "the store cannot be written"
        case .stopped: "the server is stopping"
        }
    }
}

/// Receives the outcome of a ``TenantChange``, on its executor.
package protocol TenantReply: AnyObject, Sendable {
    var executor: any ReplyExecutor { get }

    /// Called once, when the change is durable and the directory has it, or when it is refused.
    func complete(_ result: Result<TenantStore, TenantChangeError>)
}

/// A change on its way to the committer.
struct TenantSubmission: Sendable {
    let change: TenantChange
    let reply: (any TenantReply)?

    func answer(_ result: Result<TenantStore, TenantChangeError>) {
        guard let reply else { return }
        reply.executor.execute { reply.complete(result) }
    }
}

/// What became of a tenant, for those who keep something of their own about it.
package enum TenantEvent: Sendable {
    case created(TenantStore)
    /// It had this definition before.
    case defined(TenantStore, before: TenantDefinition)
    /// Its erasing has begun; it holds nothing any more.
    case erased(TenantStore)

    package var tenant: TenantStore {
        switch self {
        case .created(let tenant), .defined(let tenant, _), .erased(let tenant): tenant
        }
    }
}

/// How far the erasing of a tenant has come.
package struct ErasingProgress: Sendable {
    package let definition: TenantDefinition
    /// Rows, of whichever tenant, that are still to be looked at.
    package let rowsLeft: Int64
    /// Rows to be looked at when it began, or when the server last started.
    package let rowsAtStart: Int64
}
