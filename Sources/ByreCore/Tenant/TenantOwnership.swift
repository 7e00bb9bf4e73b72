/// Who looks after a tenant, when it is not an administrator by hand: a controller that has it
/// declared somewhere.
///
/// Kept with the tenant, so that a controller knows after any crash, and on any machine, what it may
/// change and what is to become of a tenant whose declaration is gone.
package struct TenantOwnership: Hashable, Sendable {
    /// What becomes of a tenant whose declaration is gone.
    package enum DeletionPolicy: String, Hashable, Sendable, CaseIterable {
        /// It stays as it is, and is nobody's.
        case retain = "Retain"
        /// It is deleted, and erased when its grace is over.
        case delete = "Delete"
    }

    /// Longest ``owner`` and ``source``, in bytes: paths of Linux are shorter.
    package static let textBytesMax = 4_096
    /// Longest time that a deletion can be taken back: a century, far from overflow.
    package static let graceSecondsMax: Int64 = 100 * 366 * 86_400

    /// What the controller calls itself: `file:/etc/byre/tenants.yaml`.
    package var owner: String
    /// Which declaration of the owner's it is: a name in a file, an object's namespace, name and uid.
    package var source: String
    package var deletionPolicy: DeletionPolicy
    /// How long a deletion by the controller can be taken back.
    package var deletionGraceSeconds: Int64

    package init(
        owner: String,
        source: String,
        deletionPolicy: DeletionPolicy = .retain,
        deletionGraceSeconds: Int64 = 0
    ) {
        self.owner = owner
        self.source = source
        self.deletionPolicy = deletionPolicy
        self.deletionGraceSeconds = deletionGraceSeconds
    }
}
