import GRPC

/// What the commands for administrators exit with, for scripts.
package enum ExitStatus: CInt, Sendable {
    case success = 0
    case failure = 1
    /// The command line is wrong, or a value in it.
    case usage = 2
    /// There is no such tenant.
    case notFound = 3
    /// Something else is there already, or the tenant's state forbids it.
    case conflict = 4
    /// The server cannot be reached, or cannot answer now.
    case unreachable = 5
    /// The server does not take this client for an administrator.
    case denied = 6

    /// The lines that help shows.
    static let helpText = """
        The exit status is 0 when it is done or was so already, 1 when it failed, 2 when the
        command line is wrong, 3 when there is no such tenant, 4 when something else is there
        or the tenant's state forbids it, 5 when the server cannot be reached or cannot answer
        now, 6 when it does not take you for an administrator.
        """
}

/// Why a command for administrators did not do what was asked.
package struct CommandFailure: Error, Hashable, Sendable {
    package let status: ExitStatus
    /// One line for the person, without the command's name.
    package let message: String
    /// Whether somebody else has changed the tenant meanwhile.
    package let isOutdated: Bool

    package init(_ status: ExitStatus, _ message: String) {
        self.status = status
        self.isOutdated = false
        self.message = message
    }

    /// A failure that no script tells from others.
    package init(_ message: String) {
        self.init(.failure, message)
    }

    /// What the server answered.
    init(_ status: Status) {
        self.isOutdated = status.code == .aborted
        self.message = status.message.isEmpty ? "the server answers \(status.code)" : status.message
        self.status =
            switch status.code {
            case .invalidArgument, .outOfRange: .usage
            case .notFound: .notFound
            case .alreadyExists, .failedPrecondition, .aborted: .conflict
            case .unavailable, .deadlineExceeded, .canceled: .unreachable
            case .permissionDenied, .unauthenticated: .denied
            case .ok, .unknown, .unimplemented, .internal, .dataLoss, .resourceExhausted: .failure
            }
    }
}
