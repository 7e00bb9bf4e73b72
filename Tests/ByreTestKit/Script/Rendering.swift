package import ByreCore

/// Writes answers the way a ``TxnTable`` shows them.
package struct Rendering {
    /// The value of a version, for an answer that has it still to be loaded.
    let value: (Version) -> Bytes

    package init(value: @escaping (Version) -> Bytes) {
        self.value = value
    }

    package func outcome(_ outcome: Outcome) -> String {
        switch outcome {
        case .put(let result): self.put(result)
        case .deleteRange(let result): self.delete(result)
        case .txn(let result): self.txn(result)
        case .compacted(let revision), .leaseRevoked(let revision): "rev \(revision)"
        case .leaseGranted(let id, let ttl, let revision):
            "rev \(revision) lease \(id.rawValue) ttl \(ttl)"
        case .alarm(let isNamed, let revision): "rev \(revision)\(isNamed ? " named" : "")"
        case .defragmented: "done"
        }
    }

    private func put(_ result: PutResult) -> String {
        let previous = result.prevKV.map { " was \(self.pair($0, isDetailed: true))" } ?? ""
        return "rev \(result.headerRevision)\(previous)"
    }

    private func delete(_ result: DeleteRangeResult) -> String {
        let previous = result.prevKVs.map { " \(self.pair($0, isDetailed: false))" }.joined()
        return "rev \(result.headerRevision) deleted \(result.deleted)\(previous)"
    }

    private func txn(_ result: TxnResult) -> String {
        let responses = result.responses.map { response in
            switch response {
            case .put(let put): self.put(put)
            case .deleteRange(let delete): self.delete(delete)
            case .range(let range): self.range(range, isDetailed: false)
            case .txn(let nested): "( \(self.txn(nested)) )"
            }
        }
        let head = "rev \(result.headerRevision) \(result.succeeded ? "yes" : "no")"
        return responses.isEmpty ? head : "\(head): \(responses.joined(separator: ", "))"
    }

    /// `rev 3 of 7: a=1 b=2 more`, where 7 is the count.
    package func range(_ result: RangeResult, isDetailed: Bool) -> String {
        var text = "rev \(result.headerRevision) of \(result.count)"
        if !result.kvs.isEmpty { text += ":" }
        for pair in result.kvs {
            text += " \(self.pair(pair, isDetailed: isDetailed, hasValue: !result.keysOnly))"
        }
        return result.more ? "\(text) more" : text
    }

    /// `a=1`, or in detail `a=1/c2/m3/v2/L7`.
    private func pair(
        _ pair: KeyValue,
        isDetailed: Bool,
        hasValue: Bool = true
    ) -> String {
        var text = Self.text(pair.key)
        if hasValue { text += "=\(Self.text(pair.value ?? self.value(pair.version)))" }
        guard isDetailed else { return text }
        let version = pair.version
        text += "/c\(version.createRevision)/m\(version.modRevision)/v\(version.version)"
        return version.lease == .none ? text : "\(text)/L\(version.lease.rawValue)"
    }

    /// `3.1 put a=1 was m2`, or `4.0 delete a was m3`.
    package func change(_ change: Change) -> String {
        let key = Self.text(change.key)
        let previous = change.previous.map { " was m\($0.modRevision)" } ?? ""
        let what =
            change.version.isTombstone ? "delete \(key)" : "put \(key)=\(Self.text(change.value))"
        return "\(change.version.modRevision).\(change.version.sub) \(what)\(previous)"
    }

    /// The words for a refusal.
    package func error(_ error: RequestError) -> String {
        switch error {
        case .compacted: "compacted"
        case .futureRevision: "future revision"
        case .keyNotFound: "key not found"
        case .leaseNotFound: "lease not found"
        case .leaseExists: "lease exists"
        case .leaseTTLTooLarge: "ttl too large"
        case .noSpace: "no space"
        case .tooManyKeys: "too many keys"
        case .tooManyLeases: "too many leases"
        case .valueTooLarge: "value too large"
        case .corruptAlarm: "corrupt"
        case .timedOut: "timed out"
        case .stopped: "stopped"
        case .tooManyRequests: "too many requests"
        case .backend(let error): "backend: \(error)"
        case .answerNotLoaded(let error): "answer not loaded: \(error)"
        }
    }

    package static func text(_ bytes: Bytes) -> String {
        String(decoding: bytes, as: UTF8.self).replacing("\0", with: #"\0"#)
    }
}
