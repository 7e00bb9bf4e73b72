import Controller
import Synchronization

/// The Tenants of a cluster as they were last seen, and what was last said of each. Any thread.
final class TenantObjects: Sendable {
    /// What is known of one object.
    struct Known {
        var object: TenantObject
        /// The status that was written last by this process, and when.
        var written: (status: TenantStatus, at: ContinuousClock.Instant)?
    }

    private struct State {
        /// Whether all objects were listed once.
        var isComplete = false
        var known: [DeclarationKey: Known] = [:]
        /// What the last listing or watching failed with, if it has not succeeded since.
        var failure: String?
    }

    private let state = Mutex(State())

    /// What changed so that declarations must be looked at.
    enum Effect: Hashable {
        case nothing
        case one(DeclarationKey)
        case all
    }

    /// Takes a change.
    func take(_ change: Reflector.Change) -> Effect {
        self.state.withLock { state in
            state.failure = nil
            switch change {
            case .replaced(let objects):
                var known: [DeclarationKey: Known] = [:]
                for object in objects.compactMap({ TenantObject($0) }) {
                    known[object.key] = Self.merged(object, state.known[object.key])
                }
                state.known = known
                state.isComplete = true
                return .all
            case .put(let json):
                guard let object = TenantObject(json) else { return .nothing }
                let before = state.known[object.key]
                let merged = Self.merged(object, before)
                state.known[object.key] = merged
                let isSame = before.map { $0.object.asksForTheSame(as: merged.object) } ?? false
                return isSame ? .nothing : .one(object.key)
            case .removed(let json):
                guard let object = TenantObject(json) else { return .nothing }
                // Another of the same name may have come by another way.
                guard state.known[object.key]?.object.uid == object.uid else { return .nothing }
                state.known[object.key] = nil
                return .one(object.key)
            }
        }
    }

    /// Takes an object as the answer to a write has it.
    func take(written object: TenantObject, status: TenantStatus?, at now: ContinuousClock.Instant)
    {
        self.state.withLock { state in
            guard let before = state.known[object.key], before.object.uid == object.uid else {
                return
            }
            var merged = Self.merged(object, before)
            if let status { merged.written = (status, now) }
            state.known[object.key] = merged
        }
    }

    /// What is newer of two states of an object: an answer may come before or after the watch
    /// tells of it. Resource versions of one kind of objects are numbers that grow.
    ///
    /// Kubernetes: <https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions>
    private static func merged(_ object: TenantObject, _ before: Known?) -> Known {
        guard let before, before.object.uid == object.uid else { return Known(object: object) }
        var merged = before
        if let old = before.object.json.resourceVersion.flatMap({ UInt64($0) }),
            let new = object.json.resourceVersion.flatMap({ UInt64($0) }), new < old
        {
            return merged
        }
        merged.object = object
        return merged
    }

    /// Notes why objects cannot be followed.
    func fail(_ reason: String) {
        self.state.withLock { $0.failure = reason }
    }

    /// All objects; nil before they were listed once.
    var all: [TenantObject]? {
        self.state.withLock { state in
            state.isComplete ? state.known.values.map(\.object) : nil
        }
    }

    var failure: String? { self.state.withLock { $0.failure } }

    subscript(_ key: DeclarationKey) -> Known? { self.state.withLock { $0.known[key] } }
}
