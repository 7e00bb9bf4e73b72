extension Store {
    /// The tenants as they are now. What it holds does not change; take it again to see changes.
    package var directory: TenantDirectory { self.registry.directory }

    /// The tenant of a name, which may be one that is being deleted.
    package func tenant(named name: String) -> TenantStore? { self.directory[name: name] }

    /// Tenants that are being erased, the one whose turn it is first.
    package var erasing: [ErasingProgress] { self.registry.erasing }

    /// Queues a change of the registry. The reply is completed on its executor, always, unless this
    /// throws.
    /// - Throws: ``TenantChangeError/tooManyChanges`` and ``TenantChangeError/stopped``.
    package func submit(
        _ change: TenantChange,
        reply: (any TenantReply)?
    ) throws(TenantChangeError) {
        switch self.tenantChanges.push(TenantSubmission(change: change, reply: reply)) {
        case .pushed: self.queue.poke()
        case .full: throw .tooManyChanges
        case .closed: throw .stopped
        }
    }

    /// Has `body` called after each change of the registry: when it is durable and in the directory,
    /// before who asked for it is answered, and before the next change. It runs on the committer's
    /// thread and must not block.
    package func observeTenants(
        _ body: @escaping @Sendable (TenantEvent, TenantDirectory) -> Void
    ) {
        self.registry.observe(body)
    }
}
