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

/// An operation on its way to the committer.
struct Submission: Sendable {
    let tenant: TenantStore
    let operation: Operation
    /// When it is no longer worth beginning, in nanoseconds of the engine's clock.
    let deadline: Int64
    /// Nil for the engine's own (an expired lease's revocation).
    let reply: (any Reply)?
    /// A compaction that is answered once its rows are gone.
    var waitsForPhysical = false

    /// What an operation costs beside its bytes, in bytes that take as long.
    static let operationCost = 1_024

    /// What it takes to carry out, about in bytes; what a deletion deletes is not known yet.
    var cost: Int { Self.operationCost + Quota.cost(of: self.operation) }
}

/// Replies of one batch, gathered so that each event loop is woken once.
struct ReplyBatch {
    private struct Group {
        let executor: any ReplyExecutor
        var replies: [(reply: any Reply, result: Result<Outcome, RequestError>)]
    }

    private var groups: [Group] = []

    mutating func add(_ reply: (any Reply)?, _ result: Result<Outcome, RequestError>) {
        guard let reply else { return }
        // As many groups as there are event loops: a handful.
        for place in self.groups.indices where self.groups[place].executor === reply.executor {
            self.groups[place].replies.append((reply, result))
            return
        }
        self.groups.append(Group(executor: reply.executor, replies: [(reply, result)]))
    }

    consuming func send() {
        for group in self.groups {
            let replies = group.replies
            group.executor.execute {
                for entry in replies { entry.reply.complete(entry.result) }
            }
        }
    }
}
