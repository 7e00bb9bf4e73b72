// Between the raw keyspace of all tenants, where a key is prefix + key, and a tenant's own. Ranges
// are clamped to a tenant here and nowhere else.
extension KeyRange {
    /// The part of a raw range that is under `prefix`, as a range of the tenant's own keys; nil when
    /// there is none.
    package func under(_ prefix: Bytes) -> KeyRange? {
        switch self {
        case .key(let key):
            return key.starts(with: prefix) ? .key(Bytes(key.dropFirst(prefix.count))) : nil
        case .interval(let start, let end):
            guard compareBytes(start, end) < 0, let own = Self.start(start, under: prefix) else {
                return nil
            }
            if end.starts(with: prefix) {
                let ownEnd = Bytes(end.dropFirst(prefix.count))
                return compareBytes(own, ownEnd) < 0 ? .interval(start: own, end: ownEnd) : nil
            }
            // All raw keys of the tenant begin alike, so an end that does not is before or behind all.
            return compareBytes(end, prefix) > 0 ? .from(start: own) : nil
        case .from(let start):
            return Self.start(start, under: prefix).map { .from(start: $0) }
        }
    }

    /// The tenant's own key at which a raw range that begins with `start` begins; nil if it begins
    /// behind all of them.
    private static func start(_ start: Bytes, under prefix: Bytes) -> Bytes? {
        if start.starts(with: prefix) { return Bytes(start.dropFirst(prefix.count)) }
        return compareBytes(start, prefix) < 0 ? [] : nil
    }

    /// Whether a raw range holds nothing but what is under `prefix`.
    package func lies(under prefix: Bytes) -> Bool {
        switch self {
        case .key(let key): return key.starts(with: prefix)
        case .interval(let start, let end):
            guard start.starts(with: prefix), compareBytes(start, end) < 0 else { return false }
            guard let behind = Self.behind(prefix) else { return true }
            return compareBytes(end, behind) <= 0
        case .from(let start): return start.starts(with: prefix) && Self.behind(prefix) == nil
        }
    }

    /// The least key that is greater than all that begin with `prefix`; nil when there is none.
    private static func behind(_ prefix: Bytes) -> Bytes? {
        guard let place = prefix.lastIndex(where: { $0 != 0xff }) else { return nil }
        var behind = Bytes(prefix[...place])
        behind[place] += 1
        return behind
    }
}
