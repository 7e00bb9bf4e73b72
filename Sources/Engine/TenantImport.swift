package import ByreCore

/// An import of one tenant, from its beginning to its end or its being given up.
package final class TenantImport: Sendable {
    package let tenant: TenantStore

    /// - Parameter tenant: one that is suspended and holds nothing.
    package init(into tenant: TenantStore) {
        self.tenant = tenant
    }
}

/// What is to be done next for an import. Each step is a commit at most.
package enum ImportStep: Sendable {
    /// Takes the tenant, once what an import before it left is cleared.
    case begin
    /// Adds leases. They are durable with the end.
    case leases([LeaseRecord])
    /// Adds keys, in the order of their revisions.
    case keys([ImportedKey])
    /// Makes all of it visible in one commit, at this revision, and the tenant active.
    case finish(revision: Int64)
    /// Gives the import up; what was written is cleared.
    case abandon
}

/// Why an import cannot go on. Nothing of it is left, or will be.
package enum ImportError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The tenant is not suspended.
    case notSuspended
    /// The tenant holds something: it is at this revision.
    case notEmpty(revision: Int64)
    /// Another import of the tenant is under way.
    case underWay
    /// The import was given up, or the tenant is being deleted.
    case ended
    /// There is more than the tenant may hold.
    case overLimit(String)
    /// A key or a lease comes twice, or its revision is out of order.
    case contradiction(String)
    /// The tenant cannot be made active.
    case change(TenantChangeError)
    case backend(BackendError)
    /// More steps wait than may: ``Configuration/importStepsMax``.
    case tooManySteps
    case stopped

    package var description: String {
        switch self {
        case .notSuspended: "the tenant is not suspended"
        case .notEmpty(let revision): "the tenant holds data already, at revision \(revision)"
        case .underWay: "another import of the tenant is under way"
        case .ended: "the import was given up, or the tenant is being deleted"
        case .overLimit(let limit): "the tenant's limit of \(limit) is too low"
        case .contradiction(let what): what
        case .change(let error): error.description
        case .backend: "the store cannot be written"
        case .tooManySteps: "too many imports are under way"
        case .stopped: "the server is stopping"
        }
    }
}

/// Receives the outcome of a step, on its executor.
package protocol ImportReply: AnyObject, Sendable {
    var executor: any ReplyExecutor { get }

    /// Called once, when the step is durable, or cannot be done; the import has ended then.
    func complete(_ result: Result<TenantStore, ImportError>)
}

/// A step on its way to the committer.
struct ImportSubmission: Sendable {
    let session: TenantImport
    let step: ImportStep
    let reply: (any ImportReply)?

    func answer(_ result: Result<TenantStore, ImportError>) {
        guard let reply else { return }
        reply.executor.execute { reply.complete(result) }
    }
}

extension Store {
    /// Queues a step of an import, after those before. The reply is completed on its executor, always,
    /// unless this throws.
    package func submit(
        _ step: ImportStep,
        of session: TenantImport,
        reply: (any ImportReply)?
    ) throws(ImportError) {
        let submission = ImportSubmission(session: session, step: step, reply: reply)
        switch self.importSteps.push(submission) {
        case .pushed: self.queue.poke()
        case .full: throw .tooManySteps
        case .closed: throw .stopped
        }
    }
}
