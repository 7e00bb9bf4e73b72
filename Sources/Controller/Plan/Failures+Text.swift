// What failures say to people; no secret is in any.

extension AdminFailure: CustomStringConvertible {
    package var description: String {
        switch self {
        case .unreachable(let text), .conflict(let text), .refused(let text), .denied(let text):
            text
        }
    }
}

extension SinkFailure: CustomStringConvertible {
    package var description: String {
        switch self {
        case .conflict: "somebody else has written the credentials meanwhile"
        case .unavailable(let text): text
        }
    }
}

extension SourceFailure: CustomStringConvertible {
    package var description: String {
        switch self {
        case .invalid(let lines): lines.joined(separator: "\n")
        case .unavailable(let text): text
        }
    }
}

extension StepFailure: CustomStringConvertible {
    package var description: String {
        switch self {
        case .admin(let failure): failure.description
        case .sink(let failure): failure.description
        case .issuing(let text): text
        case .notLeading: "another controller acts now"
        }
    }
}

extension ReconcilerProblem: CustomStringConvertible {
    package var description: String {
        switch self {
        case .source(let failure): failure.description
        case .server(let failure): failure.description
        }
    }
}
