package import ByreCore

extension Outcome {
    /// Whether the answer may want values that are not filled in.
    var lacksValues: Bool {
        switch self {
        case .put(let result): result.prevKV != nil
        case .deleteRange(let result): !result.prevKVs.isEmpty
        case .txn(let result): result.lacksValues
        case .compacted, .leaseGranted, .leaseRevoked, .alarm, .defragmented: false
        }
    }

    /// Fills in the values that the answer wants.
    /// - Parameter find: gives the value of a version, or nil when it is not at hand.
    /// - Returns: whether all were found. When not, call again with one that finds them.
    mutating func fillValues(_ find: (Version) -> Bytes?) -> Bool {
        switch self {
        case .put(var result):
            guard result.prevKV != nil else { return true }
            let isFilled = result.fill(find)
            self = .put(result)
            return isFilled
        case .deleteRange(var result):
            guard !result.prevKVs.isEmpty else { return true }
            let isFilled = result.prevKVs.fill(find)
            self = .deleteRange(result)
            return isFilled
        case .txn(var result):
            let isFilled = result.fill(find)
            self = .txn(result)
            return isFilled
        case .compacted, .leaseGranted, .leaseRevoked, .alarm, .defragmented:
            return true
        }
    }
}

extension PutResult {
    fileprivate mutating func fill(_ find: (Version) -> Bytes?) -> Bool {
        self.prevKV?.fill(find) ?? true
    }
}

extension TxnResult {
    fileprivate var lacksValues: Bool {
        self.responses.contains { response in
            switch response {
            case .put(let result): result.prevKV != nil
            case .range(let result): !result.keysOnly && !result.kvs.isEmpty
            case .deleteRange(let result): !result.prevKVs.isEmpty
            case .txn(let result): result.lacksValues
            }
        }
    }

    /// Fills in the values that the answer wants.
    /// - Parameter find: gives the value of a version, or nil when it is not at hand.
    /// - Returns: whether all were found. When not, call again with one that finds them.
    package mutating func fill(_ find: (Version) -> Bytes?) -> Bool {
        var isFilled = true
        for place in self.responses.indices {
            switch self.responses[place] {
            case .put(var result):
                guard result.prevKV != nil else { continue }
                if !result.fill(find) { isFilled = false }
                self.responses[place] = .put(result)
            case .range(var result):
                guard !result.keysOnly, !result.kvs.isEmpty else { continue }
                if !result.kvs.fill(find) { isFilled = false }
                self.responses[place] = .range(result)
            case .deleteRange(var result):
                guard !result.prevKVs.isEmpty else { continue }
                if !result.prevKVs.fill(find) { isFilled = false }
                self.responses[place] = .deleteRange(result)
            case .txn(var result):
                if !result.fill(find) { isFilled = false }
                self.responses[place] = .txn(result)
            }
        }
        return isFilled
    }
}

extension [KeyValue] {
    fileprivate mutating func fill(_ find: (Version) -> Bytes?) -> Bool {
        var isFilled = true
        for place in self.indices where !self[place].fill(find) { isFilled = false }
        return isFilled
    }
}

extension KeyValue {
    fileprivate mutating func fill(_ find: (Version) -> Bytes?) -> Bool {
        if self.value != nil { return true }
        self.value = self.version.valueSize == 0 ? [] : find(self.version)
        return self.value != nil
    }
}
