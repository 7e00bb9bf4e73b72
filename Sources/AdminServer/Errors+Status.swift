import ByreCore
import Engine
import GRPC

// What administrators are told of what went wrong.

extension Status {
    init(_ error: TenantChangeError) {
        let code: Code =
            switch error {
            case .nameTaken, .prefixTaken, .identityTaken: .alreadyExists
            case .notFound: .notFound
            case .generationMismatch: .aborted
            case .erased, .importing, .noHome: .failedPrecondition
            case .tooManyTenants, .tooManyDedicatedTenants: .resourceExhausted
            case .invalid: .invalidArgument
            case .tooManyChanges, .stopped: .unavailable
            case .backend(let error): Self.code(of: error)
            }
        self.init(code, error.description)
    }

    init(_ error: ImportError) {
        switch error {
        case .change(let error): self.init(error)
        case .backend(let backend): self.init(Self.code(of: backend), error.description)
        case .notSuspended, .notEmpty, .underWay, .ended, .overLimit:
            self.init(.failedPrecondition, error.description)
        case .contradiction: self.init(.invalidArgument, error.description)
        case .tooManySteps, .stopped: self.init(.unavailable, error.description)
        }
    }

    init(_ error: BackendError) {
        self.init(Self.code(of: error), "the store cannot be read")
    }

    private static func code(of error: BackendError) -> Code {
        switch error {
        case .unavailable, .uncertain: .unavailable
        case .corrupt: .dataLoss
        }
    }
}
