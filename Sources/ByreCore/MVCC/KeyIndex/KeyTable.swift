/// Byte strings in ascending order, stored end to end: the keys of a leaf, or the separators of a
/// branch.
///
/// One buffer for all of them, because a `Bytes` of its own would cost each key 32 bytes of header,
/// an allocation, a cache miss per comparison, and a retain and a release whenever a node is
/// copied. Copying a table is two retains.
struct KeyTable {
    /// All strings, end to end.
    private var bytes: ContiguousArray<UInt8> = []
    /// Where each string ends in `bytes`; it begins where the one before it ends.
    private var ends: ContiguousArray<UInt32> = []

    init() {}

    /// The strings of `table` at `slots`, with no room to spare.
    init(_ table: KeyTable, _ slots: Range<Int>) {
        let first = table.start(of: slots.lowerBound)
        let last = table.start(of: slots.upperBound)
        self.bytes = ContiguousArray(table.bytes[Int(first)..<Int(last)])
        self.ends = ContiguousArray(table.ends[slots])
        if first > 0 {
            for slot in self.ends.indices { self.ends[slot] &-= first }
        }
    }

    var count: Int { self.ends.count }

    /// Length of all strings together.
    var byteCount: Int { self.bytes.count }

    subscript(slot: Int) -> Bytes {
        Bytes(self.bytes[Int(self.start(of: slot))..<Int(self.ends[slot])])
    }

    /// Where the string at `slot` begins, or where the last one ends when `slot` is `count`.
    private func start(of slot: Int) -> UInt32 {
        slot == 0 ? 0 : self.ends[slot &- 1]
    }

    // MARK: Searching

    /// Finds the first string that is not less than `key`, and whether it is `key`.
    /// - Complexity: O(log `count`) comparisons.
    func find(_ key: Bytes) -> (slot: Int, isMatch: Bool) {
        self.bytes.withUnsafeBytes { bytes in
            self.ends.withUnsafeBufferPointer { ends in
                key.withUnsafeBytes { key in
                    var low = 0
                    var high = ends.count
                    while low < high {
                        let middle = (low &+ high) / 2
                        let start = middle == 0 ? 0 : Int(ends[middle &- 1])
                        let order = compare(
                            UnsafeRawBufferPointer(rebasing: bytes[start..<Int(ends[middle])]),
                            key
                        )
                        if order == 0 { return (middle, true) }
                        if order < 0 { low = middle &+ 1 } else { high = middle }
                    }
                    return (low, false)
                }
            }
        }
    }

    /// Counts the strings that are less than or equal to `key`.
    ///
    /// Among the separators of a branch this is the child that `key` belongs to.
    /// - Complexity: O(log `count`) comparisons.
    func countUpTo(_ key: Bytes) -> Int {
        let (slot, isMatch) = self.find(key)
        return isMatch ? slot &+ 1 : slot
    }

    // MARK: Changing

    /// Inserts `key` before the string at `slot`; the order is the caller's business.
    /// - Complexity: O(`count` + `byteCount`).
    mutating func insert(_ key: Bytes, at slot: Int) {
        let start = self.start(of: slot)
        self.bytes.reserveTightly(forNew: key.count)
        self.bytes.insert(contentsOf: key, at: Int(start))
        self.ends.insertTightly(start, at: slot)
        let added = UInt32(key.count)
        for later in slot..<self.ends.count { self.ends[later] &+= added }
    }

    /// Removes the string at `slot`.
    /// - Complexity: O(`count` + `byteCount`).
    mutating func remove(at slot: Int) {
        let start = self.start(of: slot)
        let end = self.ends[slot]
        self.bytes.removeSubrange(Int(start)..<Int(end))
        self.ends.remove(at: slot)
        for later in slot..<self.ends.count { self.ends[later] &-= end &- start }
    }

    /// Appends all strings of `table`.
    mutating func append(_ table: KeyTable) {
        let base = UInt32(self.bytes.count)
        self.bytes.reserveTightly(forNew: table.bytes.count)
        self.bytes.append(contentsOf: table.bytes)
        self.ends.reserveTightly(forNew: table.count)
        for end in table.ends { self.ends.append(base &+ end) }
    }
}

/// Compares as `compareBytes` does.
@inline(__always)
private func compare(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Int {
    let shared = min(left.count, right.count)
    var offset = 0
    while offset &+ 8 <= shared {
        let x = left.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
        let y = right.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
        if x != y { return x.bigEndian < y.bigEndian ? -1 : 1 }
        offset &+= 8
    }
    while offset < shared {
        let x = left[offset]
        let y = right[offset]
        if x != y { return x < y ? -1 : 1 }
        offset &+= 1
    }
    return left.count &- right.count
}

extension ContiguousArray {
    /// Makes room for `count` more elements, and for at most eight besides.
    ///
    /// The arrays of a node are many and small, and most are copied before they grow again: the
    /// standard library's doubling would leave a third of the index empty.
    mutating func reserveTightly(forNew count: Int) {
        self.reserveCapacity((self.count &+ count &+ 7) & ~7)
    }

    /// Inserts `element` at `position`, growing no further than need be.
    mutating func insertTightly(_ element: Element, at position: Int) {
        self.reserveTightly(forNew: 1)
        self.insert(element, at: position)
    }
}
