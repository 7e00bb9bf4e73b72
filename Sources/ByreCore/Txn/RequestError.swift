/// Why a request to a tenant's data is refused. Nothing of a refused request took effect,
/// but for ``answerNotLoaded(_:)``.
///
/// The edge turns each case into etcd's code and text.
package enum RequestError: Error, Hashable, Sendable {
    /// The revision asked for has been compacted away.
    case compacted
    /// The revision asked for does not exist yet.
    case futureRevision
    /// `ignore_value` or `ignore_lease` on a key that does not exist.
    case keyNotFound
    case leaseNotFound
    case leaseExists
    case leaseTTLTooLarge
    /// The quota is used up; once it is, the NOSPACE alarm is raised.
    case noSpace
    /// The tenant has as many live keys as it may have.
    case tooManyKeys
    /// The tenant has as many leases as it may have.
    case tooManyLeases
    /// A value is larger than the tenant's may be.
    case valueTooLarge
    /// The CORRUPT alarm is raised: nothing is changed any more.
    case corruptAlarm
    /// The request waited longer than a request may.
    case timedOut
    /// The store is stopping.
    case stopped
    /// More requests wait than the queue holds.
    case tooManyRequests
    /// The backend could not do it; nothing was changed.
    case backend(BackendError)
    /// The change is made and durable, but what the answer is to hold could not be loaded.
    case answerNotLoaded(BackendError)
}
