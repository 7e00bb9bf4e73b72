import ByreAPI
import ByreCore
import Engine
import GRPC
import SwiftProtobuf

/// A change of a tenant that is there: from the definition that it has to the one it is to have.
///
/// When somebody else changes the tenant at the same time, it is made again from what they left.
struct Change: Sendable {
    /// Times that a change is made again.
    static let attemptsMax = 8

    let reference: ByreTenantReference
    /// What the log says.
    let what: String
    /// Refuse unless the tenant is at this generation; nil for any.
    var ifGeneration: Int64?
    /// The generation that a request expects; nil for any.
    static func expected(_ generation: Int64) -> Int64? { generation == 0 ? nil : generation }

    /// Whether a tenant that is being erased is as it is to be.
    var isDeletion = false

    /// Changes the definition, or refuses to.
    let edit: @Sendable (inout TenantDefinition) throws(Status) -> Void
    /// Makes the answer.
    let answer: @Sendable (ByreTenant, _ isChanged: Bool) -> FramedMessage

    /// Refuses a change that was decided when the tenant was at another generation.
    fileprivate func check(_ present: Int64) throws(Status) {
        if let ifGeneration, ifGeneration != present {
            throw Status(.generationMismatch(present: present))
        }
    }
}

extension AdminServer {
    /// Makes a change, and answers when it is durable.
    func make(_ change: Change, _ call: ServerCall, attempt: Int = 1) {
        do throws(Status) {
            let tenant: TenantStore
            switch try self.find(change.reference) {
            case .present(let found): tenant = found
            case .erasing(let progress) where change.isDeletion:
                call.reply(change.answer(ByreTenant(progress), false))
                return
            case .erasing(let progress):
                try change.check(progress.definition.generation)
                throw Self.beyondSaving(progress)
            }
            let present = tenant.definition
            var wanted = present
            do throws(Status) {
                try change.edit(&wanted)
            } catch {
                // What made no sense may have been decided before somebody else's change.
                try change.check(present.generation)
                throw error
            }
            guard wanted != present else {
                call.reply(change.answer(ByreTenant(tenant), false))
                return
            }
            try change.check(present.generation)
            self.submit(
                .replace(tenant.id, wanted, ifGeneration: present.generation),
                change,
                call,
                attempt: attempt
            )
        } catch {
            call.fail(error)
        }
    }

    private func submit(
        _ submission: TenantChange,
        _ change: Change,
        _ call: ServerCall,
        attempt: Int
    ) {
        let bound = LoopBound(call, loop: call.loop)
        let reply = ChangeReply(on: call.loop) { result in
            let call = bound.value
            switch result {
            case .success(let tenant):
                self.log(change.what, tenant.definition, call)
                call.reply(change.answer(ByreTenant(tenant), true))
            case .failure(.generationMismatch) where attempt < Change.attemptsMax,
                .failure(.erased) where attempt < Change.attemptsMax:
                self.make(change, call, attempt: attempt + 1)
            case .failure(let error): call.fail(Status(error))
            }
        }
        do throws(TenantChangeError) {
            try self.store.submit(submission, reply: reply)
        } catch {
            call.fail(Status(error))
        }
    }

    /// Refuses what makes no sense for a tenant that is being deleted.
    static func checkNotDeleting(_ definition: TenantDefinition) throws(Status) {
        guard definition.lifecycle != .deleting else {
            throw Status(
                .failedPrecondition,
                "tenant \(definition.name) is being deleted: take it back first, with undelete"
            )
        }
    }
}
