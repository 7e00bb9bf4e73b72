/// The outcome of a call: a code and, unless it is `ok`, a sentence for people.
package struct Status: Error, Hashable, Sendable {
    /// The numbers of `grpc-status`.
    ///
    /// Source: <https://grpc.github.io/grpc/core/md_doc_statuscodes.html>
    package enum Code: Int, Sendable {
        case ok = 0
        case canceled = 1
        case unknown = 2
        case invalidArgument = 3
        case deadlineExceeded = 4
        case notFound = 5
        case alreadyExists = 6
        case permissionDenied = 7
        case resourceExhausted = 8
        case failedPrecondition = 9
        case aborted = 10
        case outOfRange = 11
        case unimplemented = 12
        case `internal` = 13
        case unavailable = 14
        case dataLoss = 15
        case unauthenticated = 16
    }

    package var code: Code
    package var message: String

    package init(_ code: Code, _ message: String = "") {
        self.code = code
        self.message = message
    }

    package static let ok = Status(.ok)
}
