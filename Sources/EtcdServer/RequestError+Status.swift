import ByreCore
import EtcdAPI
import GRPC

extension Status {
    init(_ error: EtcdError) {
        self.init(Code(rawValue: error.code) ?? .unknown, error.message)
    }

    /// etcd's text with another code: what ends a watch stream must be one after which clients come
    /// back.
    init(_ error: EtcdError, as code: Code) {
        self.init(code, error.message)
    }

    init(_ error: WireError) {
        self.init(.internal, error.message)
    }

    /// What a client is told of a refused request.
    init(_ error: RequestError) {
        switch error {
        case .compacted: self.init(EtcdError.compacted)
        case .futureRevision: self.init(EtcdError.futureRevision)
        case .keyNotFound: self.init(EtcdError.keyNotFound)
        case .leaseNotFound: self.init(EtcdError.leaseNotFound)
        case .leaseExists: self.init(EtcdError.leaseExists)
        case .leaseTTLTooLarge: self.init(EtcdError.leaseTTLTooLarge)
        // Whatever a tenant holds too much of, the words are those that API servers know; what is
        // asked too often is told "too many requests".
        case .noSpace, .tooManyKeys, .tooManyLeases: self.init(EtcdError.noSpace)
        case .valueTooLarge: self.init(EtcdError.requestTooLarge)
        case .corruptAlarm: self.init(EtcdError.corrupt)
        case .timedOut: self.init(EtcdError.timeout)
        case .stopped: self.init(EtcdError.stopped)
        case .tooManyRequests: self.init(EtcdError.tooManyRequests)
        case .backend(let error): self.init(error)
        case .answerNotLoaded:
            self.init(
                .unavailable,
                "byre: the request was applied, but its answer could not be read from the store"
            )
        }
    }

    /// The store's own words may name files and rows; they are for the log, not for clients.
    init(_ error: BackendError) {
        switch error {
        case .unavailable:
            self.init(.unavailable, "byre: the store is unavailable, nothing was changed")
        case .uncertain:
            self.init(.unavailable, "byre: the store is unavailable, the outcome is unknown")
        case .corrupt:
            self.init(EtcdError.corrupt)
        }
    }
}
