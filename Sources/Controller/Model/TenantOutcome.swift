/// What became of a declaration, each time it was looked at.
package struct TenantOutcome: Hashable, Sendable {
    package var key: DeclarationKey
    /// The tenant's name on the server.
    package var name: String
    /// Where the declaration stands, for people.
    package var place: String
    /// The generation of the declaration that was looked at.
    package var observedGeneration: Int64
    /// One of each kind, in the order of ``Condition/Kind``.
    package var conditions: [Condition]
    /// The tenant as it is now; nil when there is none, or when nobody could look.
    package var tenant: ActualTenant?
    /// When the certificate that clients have ends, in seconds since 1970; nil for none.
    package var certificateEnds: Int64?
    /// When it is to be renewed.
    package var certificateRenews: Int64?
    /// What was done this time, for events: sentences without secrets.
    package var done: [String]
    /// Whether the declaration was removed, and all that had to follow has: a finalizer may go.
    package var isRemovalDone: Bool

    package init(
        key: DeclarationKey,
        name: String,
        place: String,
        observedGeneration: Int64,
        conditions: [Condition]
    ) {
        self.key = key
        self.name = name
        self.place = place
        self.observedGeneration = observedGeneration
        self.conditions = conditions
        self.done = []
        self.isRemovalDone = false
    }

    /// Whether clients may come.
    package var isReady: Bool { self.conditions[.ready]?.status == .yes }
}
