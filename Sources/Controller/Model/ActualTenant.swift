package import ByreCore

/// A tenant as the server has it.
package struct ActualTenant: Hashable, Sendable {
    /// A tenant's stage of life.
    package enum Stage: Hashable, Sendable {
        case active
        /// Kept, but refuses every request.
        case suspended
        /// Invisible to clients; begins to be erased at this second since 1970, and can be taken back
        /// until then.
        case deleting(reclaimAt: Int64)
        /// Cannot be taken back. Its name is free once nothing of it is left.
        case erasing
    }

    package var name: String
    package var uid: String
    package var prefix: Bytes
    package var stage: Stage
    package var isolation: TenantDefinition.Isolation
    package var settings: TenantSettings
    /// Counts the changes of all of the above.
    package var generation: Int64
    /// etcd's cluster id, as the tenant's clients see it.
    package var clusterID: UInt64
    package var usage: TenantUsage

    package init(
        name: String,
        uid: String,
        prefix: Bytes,
        stage: Stage,
        isolation: TenantDefinition.Isolation,
        settings: TenantSettings,
        generation: Int64,
        clusterID: UInt64,
        usage: TenantUsage = TenantUsage()
    ) {
        self.name = name
        self.uid = uid
        self.prefix = prefix
        self.stage = stage
        self.isolation = isolation
        self.settings = settings
        self.generation = generation
        self.clusterID = clusterID
        self.usage = usage
    }
}

/// What may be changed about a tenant, all of it at once.
package struct TenantSettings: Hashable, Sendable {
    package var limits = TenantLimits()
    package var identities: Set<TenantIdentity> = []
    /// Nil for the server's own policy.
    package var autoCompaction: AutoCompaction?
    /// Nil for nobody.
    package var ownership: TenantOwnership?

    package init() {}
}

/// What a tenant uses at one moment.
package struct TenantUsage: Hashable, Sendable {
    /// Bytes of keys and values, history included until compacted.
    package var usedBytes: Int64 = 0
    /// The most that `usedBytes` was since the last Defragment: what the limit is compared with.
    package var allocatedBytes: Int64 = 0
    /// Keys that exist.
    package var keys: Int64 = 0
    package var revision: Int64 = 0
    /// Names of alarms that are raised, as etcd has them.
    package var alarms: [String] = []

    package init() {}
}

/// A role of PostgreSQL that reads a tenant with SQL.
package struct ActualSQLReader: Hashable, Sendable {
    package var role: String
    /// SHA-256 of the verifier that its password was set by, in hexadecimal digits; nil for a role
    /// that was not given a password through Byre.
    package var verifierDigest: String?

    package init(role: String, verifierDigest: String?) {
        self.role = role
        self.verifierDigest = verifierDigest
    }
}
