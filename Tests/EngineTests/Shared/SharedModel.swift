import ByreCore
import ByreTestKit

/// What a tenant held at each of its revisions, by the rows that were committed.
struct SharedModel {
    struct Pair: Equatable {
        var value: String
        var version: Version

        var detail: String {
            let lease = self.version.lease == .none ? "" : "/L\(self.version.lease.rawValue)"
            return "\(self.value)/c\(self.version.createRevision)/m\(self.version.modRevision)"
                + "/v\(self.version.version)\(lease)"
        }
    }

    /// Live keys after each revision; the first is that of a fresh store.
    private var states: [[String: Pair]] = [[:], [:]]
    /// What each revision changed, as a watcher sees it, with the value before.
    private(set) var events: [(revision: Int64, text: String, was: String?)] = []
    /// Breaches of the numbering of revisions and versions.
    private(set) var faults: [String] = []
    /// How often each value was written.
    private(set) var written: [String: Int] = [:]

    init(_ rows: [CommitBatch.Row]) {
        for row in rows { self.append(row) }
    }

    private mutating func append(_ row: CommitBatch.Row) {
        let (version, key) = (row.version, Rendering.text(row.key))
        let revision = Int(version.modRevision)
        if revision == self.states.count {
            self.states.append(self.states[revision - 1])
        } else if revision != self.states.count - 1 {
            return self.faults.append("revision \(revision) follows \(self.states.count - 1)")
        }
        let before = self.states[revision][key]
        if version.isTombstone {
            if before == nil { self.faults.append("\(key) is deleted twice at \(revision)") }
            self.states[revision][key] = nil
            self.events.append((version.modRevision, "\(revision) DEL \(key)", before?.value))
            return
        }
        let value = Rendering.text(row.value)
        self.written[value, default: 0] += 1
        if version.version != (before?.version.version ?? 0) + 1
            || version.createRevision != before?.version.createRevision ?? version.modRevision
        {
            self.faults.append("\(key) has version \(version.version) at \(revision)")
        }
        self.states[revision][key] = Pair(value: value, version: version)
        self.events.append((version.modRevision, "\(revision) PUT \(key)=\(value)", before?.value))
    }

    var revision: Int64 { Int64(self.states.count) - 1 }

    /// Live keys at a revision; nil when there has been no such revision.
    func state(at revision: Int64) -> [String: Pair]? {
        self.states.indices.contains(Int(revision)) ? self.states[Int(revision)] : nil
    }

    /// As ``SharedFixture/present(_:_:)`` tells them.
    func text(at revision: Int64) -> String? {
        self.state(at: revision)?.sorted { $0.key < $1.key }.map { "\($0)=\($1.value)" }
            .joined(separator: " ")
    }

    /// Whether a revision put this value, and nothing that is not said.
    func wrote(_ pairs: [(key: String, value: String)], at revision: Int64) -> Bool {
        self.events.filter { $0.revision == revision }.map(\.text)
            == pairs.map { "\(revision) PUT \($0.key)=\($0.value)" }
    }
}

/// One operation of a random history.
enum SharedAction {
    case put(key: String, value: String, lease: Int64?)
    /// Of all keys from one on to before another.
    case delete(from: String, to: String)
    /// Writes two keys if the first has a value, or, for nil, is not there; else reads it.
    case swap(key: String, expected: String?, value: String, other: String, otherValue: String)
    case compact(Int64)
    case grant(Int64, ttlSeconds: Int64)
    case revoke(Int64)

    var line: String {
        switch self {
        case .put(let key, let value, let lease):
            "put \(key)=\(value)\(lease.map { " lease \($0)" } ?? "") prev"
        case .delete(let from, let to): "delete \(from)..\(to) prev"
        case .swap(let key, let expected, let value, let other, let otherValue):
            "txn if \(expected.map { "value:\(key)=\($0)" } ?? "ver:\(key)=0") "
                + "then put \(key)=\(value) , put \(other)=\(otherValue) else get \(key)"
        case .compact(let revision): "compact \(revision)"
        case .grant(let id, let ttl): "grant \(id) ttl \(ttl)"
        case .revoke(let id): "revoke \(id)"
        }
    }

    /// Values that it writes if it is done.
    var values: [String] {
        switch self {
        case .put(_, let value, _): [value]
        case .swap(_, _, let value, _, let otherValue): [value, otherValue]
        case .delete, .compact, .grant, .revoke: []
        }
    }

    /// The answer that is right if it was done at a revision; nil when there is none.
    /// - Parameter told: the answer that it got, for what two can be right of: who deletes what another has
    ///   deleted just now is told the other's revision.
    /// - Returns: also whether it made that revision.
    func answer(
        at revision: Int64,
        _ told: String,
        _ model: SharedModel
    ) -> (text: String, isWrite: Bool)? {
        guard let after = model.state(at: revision) else { return nil }
        let before = model.state(at: revision - 1) ?? [:]
        let head = "rev \(revision)"
        switch self {
        case .put(let key, let value, _):
            guard model.wrote([(key, value)], at: revision) else { return nil }
            return (head + (before[key].map { " was \(key)=\($0.detail)" } ?? ""), true)
        case .delete(let from, let to):
            let gone = before.filter { $0.key >= from && $0.key < to }.sorted { $0.key < $1.key }
            if after.contains(where: { $0.key >= from && $0.key < to }) { return nil }
            let tombstones = model.events.filter { $0.revision == revision }.map(\.text)
            let isOther = tombstones != gone.map { "\(revision) DEL \($0.key)" }
            guard told != "\(head) deleted 0", !gone.isEmpty, !isOther else {
                return ("\(head) deleted 0", false)
            }
            let pairs = gone.map { " \($0.key)=\($0.value.value)" }.joined()
            return ("\(head) deleted \(gone.count)\(pairs)", true)
        case .swap(let key, let expected, let value, let other, let otherValue):
            if model.wrote([(key, value), (other, otherValue)], at: revision) {
                guard before[key]?.value == expected else { return nil }
                return ("\(head) yes: \(head), \(head)", true)
            }
            guard after[key]?.value != expected else { return nil }
            let found = after[key].map { "1: \(key)=\($0.value)" } ?? "0"
            return ("\(head) no: \(head) of \(found)", false)
        case .compact, .revoke: return (head, false)
        case .grant(let id, let ttl): return ("\(head) lease \(id) ttl \(ttl)", false)
        }
    }
}
