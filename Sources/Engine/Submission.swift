package import ByreCore

/// A place where code can be run later: an event loop.
package protocol ReplyExecutor: AnyObject, Sendable {
    func execute(_ body: @escaping @Sendable () -> Void)
}

/// Receives the outcome of one operation, on its executor.
package protocol Reply: AnyObject, Sendable {
    var executor: any ReplyExecutor { get }

    /// Called once. Values of the outcome's key-value pairs are filled in, where they are wanted.
    func complete(_ result: Result<Outcome, RequestError>)
}

/// An operation on its way to the committer, and its result on the way back.
///
/// One object for both, so that what a client sent is not copied from queue to batch to answer.
final class Submission: @unchecked Sendable {
    // @unchecked: `result` is touched by one thread after another: the committer, a reader thread if values
    // are to be loaded, the reply's executor.

    let tenant: TenantStore
    let operation: Operation
    /// When it is no longer worth beginning, in nanoseconds of the engine's clock.
    let deadline: Int64
    /// Nil for the engine's own (an expired lease's revocation).
    let reply: (any Reply)?
    /// A compaction that is answered once its rows are gone.
    let waitsForPhysical: Bool
    /// What came of it; until then, that it was not begun.
    var result = Result<Outcome, RequestError>.failure(.stopped)

    init(
        tenant: TenantStore,
        operation: Operation,
        deadline: Int64,
        reply: (any Reply)?,
        waitsForPhysical: Bool = false
    ) {
        self.tenant = tenant
        self.operation = operation
        self.deadline = deadline
        self.reply = reply
        self.waitsForPhysical = waitsForPhysical
    }

    /// What an operation costs beside its bytes, in bytes that take as long.
    static let operationCost = 1_024

    /// What it takes to carry out, about in bytes; what a deletion deletes is not known yet.
    var cost: Int { Self.operationCost + Quota.cost(of: self.operation) }
}

/// Answers of one batch, gathered so that each event loop is woken once.
struct ReplyBatch {
    private struct Group {
        let executor: any ReplyExecutor
        var submissions: [Submission]
    }

    private var groups: [Group] = []

    /// Answers with what came of a submission, if somebody waits for it.
    mutating func add(_ submission: Submission) {
        guard let reply = submission.reply else { return }
        let executor = reply.executor
        // As many groups as there are event loops: a handful.
        for place in self.groups.indices where self.groups[place].executor === executor {
            self.groups[place].submissions.append(submission)
            return
        }
        self.groups.append(Group(executor: executor, submissions: [submission]))
    }

    /// Answers with something else than came of a submission.
    mutating func add(_ submission: Submission, _ result: Result<Outcome, RequestError>) {
        submission.result = result
        self.add(submission)
    }

    consuming func send() {
        for group in self.groups {
            let submissions = group.submissions
            group.executor.execute {
                for submission in submissions { submission.reply?.complete(submission.result) }
            }
        }
    }
}
