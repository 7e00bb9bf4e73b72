/// What is to be said about one side of a tenant: metav1.Condition.
///
/// Kubernetes: <https://pkg.go.dev/k8s.io/apimachinery/pkg/apis/meta/v1#Condition>
package struct Condition: Hashable, Sendable {
    /// What it is about. True is good.
    package enum Kind: String, Hashable, Sendable, CaseIterable {
        /// Provisioned, with its certificate, as declared: clients may come.
        case ready = "Ready"
        /// The tenant is there with its settings and SQL readers.
        case provisioned = "Provisioned"
        /// Clients have a certificate that is valid and was renewed in time; also true when none is
        /// asked for.
        case certificateIssued = "CertificateIssued"
        /// The tenant is not at a limit of bytes or keys.
        case quotaOK = "QuotaOK"
    }

    package enum Status: String, Hashable, Sendable {
        case yes = "True"
        case no = "False"
        /// Nobody could look.
        case unknown = "Unknown"
    }

    /// Why, in one word for programs.
    package enum Reason: String, Hashable, Sendable, CaseIterable {
        // True.
        case ready = "Ready"
        case provisioned = "Provisioned"
        case issued = "Issued"
        case notRequested = "NotRequested"
        case withinLimits = "WithinLimits"
        // False.
        /// There are steps left, which the message names.
        case progressing = "Progressing"
        /// A tenant of the name is there, nobody's, and `adopt` is not said.
        case notOwned = "NotOwned"
        /// A tenant of the name is there, and another controller's or declaration's.
        case ownedByAnother = "OwnedByAnother"
        /// A tenant of the name is being erased: a new one has to wait.
        case nameBeingErased = "NameBeingErased"
        /// What is given once was declared otherwise since.
        case immutableFieldChanged = "ImmutableFieldChanged"
        /// The server refuses what is declared.
        case refused = "Refused"
        /// The server does not take this client for an administrator.
        case denied = "Denied"
        /// PostgreSQL needs an administrator: the message says for which SQL.
        case sqlReaderUnavailable = "SQLReaderUnavailable"
        /// Deletion has begun.
        case deleting = "Deleting"
        /// The declaration is gone, and the tenant was let go.
        case released = "Released"
        /// There is no authority to issue with, or its files cannot be used.
        case authorityMissing = "AuthorityMissing"
        /// The authority ends before a certificate could be renewed.
        case authorityExpiring = "AuthorityExpiring"
        /// Where credentials go cannot be read or written.
        case sinkUnavailable = "SinkUnavailable"
        case spaceExceeded = "SpaceExceeded"
        case keysExceeded = "KeysExceeded"
        /// The certificates' side depends on another one that is false.
        case waiting = "Waiting"
        // Unknown.
        case serverUnreachable = "ServerUnreachable"
    }

    package var kind: Kind
    package var status: Status
    package var reason: Reason
    /// A sentence for people; holds no secret.
    package var message: String
    /// Seconds since 1970 at which the status became what it is.
    package var lastTransition: Int64
    /// The generation of the declaration that this was said of.
    package var observedGeneration: Int64

    package init(
        _ kind: Kind,
        _ status: Status,
        _ reason: Reason,
        _ message: String,
        lastTransition: Int64,
        observedGeneration: Int64
    ) {
        self.kind = kind
        self.status = status
        self.reason = reason
        self.message = message
        self.lastTransition = lastTransition
        self.observedGeneration = observedGeneration
    }
}

extension [Condition] {
    /// The condition of a kind.
    package subscript(_ kind: Condition.Kind) -> Condition? { self.first { $0.kind == kind } }

    /// These conditions, with the times of transition of those in `earlier` whose status is the same.
    package func continuing(_ earlier: [Condition]) -> [Condition] {
        self.map { condition in
            guard let before = earlier[condition.kind], before.status == condition.status else {
                return condition
            }
            var condition = condition
            condition.lastTransition = before.lastTransition
            return condition
        }
    }
}
