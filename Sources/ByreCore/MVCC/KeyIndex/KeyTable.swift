/// Byte strings in ascending order: the keys of a leaf, or the separators of a branch.
///
/// They are stored end to end in one buffer, after the prefix that they share:
///
///     bytes  /registry/pods/default/ | web-1 | web-2 | zoo
///     ends                                   ^       ^    ^
///
/// A `Bytes` of its own would cost each key 32 bytes of header, an allocation, a cache miss per
/// comparison, and a retain and a release whenever a node is copied. Copying a table is two
/// retains.
struct KeyTable {
    /// What all strings begin with, then the rest of each.
    private var bytes: ContiguousArray<UInt8> = []
    /// Length of the shared prefix, which may be less than it could be.
    private var prefixCount: UInt32 = 0
    /// Where in `bytes` the rest of each string ends; it begins where the one before it ends, the
    /// first one after the prefix.
    private var ends: ContiguousArray<UInt32> = []

    init() {}

    /// The strings of `table` at `slots`, with as long a prefix as can be and no room to spare.
    init(_ table: KeyTable, _ slots: Range<Int>) {
        guard let first = slots.first, let last = slots.last else { return }
        let firstRest = table.rest(of: first)
        let grown = table.bytes[firstRest].withUnsafeBytes { first in
            table.bytes[table.rest(of: last)].withUnsafeBytes { commonPrefix(first, $0) }
        }
        let prefix = [table.bytes[..<Int(table.prefixCount)], table.bytes[firstRest].prefix(grown)]
        self.prefixCount = table.prefixCount &+ UInt32(grown)
        self.ends.reserveCapacity(slots.count)
        self.bytes.reserveCapacity(
            Int(self.prefixCount) &+ table.rest(of: last).upperBound &- firstRest.lowerBound
                &- grown &* slots.count
        )
        for part in prefix { self.bytes.append(contentsOf: part) }
        for slot in slots {
            self.bytes.append(contentsOf: table.bytes[table.rest(of: slot)].dropFirst(grown))
            self.ends.append(UInt32(self.bytes.count))
        }
    }

    var count: Int { self.ends.count }

    /// Length of what is stored of all strings.
    var byteCount: Int { self.bytes.count }

    subscript(slot: Int) -> Bytes {
        let prefixCount = Int(self.prefixCount)
        let rest = self.rest(of: slot)
        var string: Bytes = []
        // An array that is filled as it is made asks the runtime for its type each time.
        string.append(addingCapacity: prefixCount &+ rest.count) {
            (output: inout OutputSpan<UInt8>) in
            output.withUnsafeMutableBufferPointer { string, count in
                self.bytes.withUnsafeBufferPointer { bytes in
                    _ = string.update(fromContentsOf: bytes[..<prefixCount])
                    _ = string[prefixCount...].update(fromContentsOf: bytes[rest])
                }
                count = prefixCount &+ rest.count
            }
        }
        return string
    }

    /// Where in `bytes` that of the string at `slot` is which follows the prefix.
    private func rest(of slot: Int) -> Range<Int> {
        Int(slot == 0 ? self.prefixCount : self.ends[slot &- 1])..<Int(self.ends[slot])
    }

    // MARK: Searching

    /// Finds the first string that is not less than `key`, and whether it is `key`.
    /// - Complexity: O(log `count`) comparisons.
    func find(_ key: Bytes) -> (slot: Int, isMatch: Bool) {
        self.bytes.withUnsafeBytes { bytes in
            key.withUnsafeBytes { key in
                let prefixCount = Int(self.prefixCount)
                let order = compare(bytes, 0, prefixCount, key, 0, min(key.count, prefixCount))
                if order != 0 { return (order < 0 ? self.count : 0, false) }
                return self.ends.withUnsafeBufferPointer { ends in
                    var low = 0
                    var high = ends.count
                    while low < high {
                        let middle = (low &+ high) / 2
                        let start = middle == 0 ? prefixCount : Int(ends[middle &- 1])
                        let order = compare(
                            bytes,
                            start,
                            Int(ends[middle]),
                            key,
                            prefixCount,
                            key.count
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
        if self.ends.isEmpty {
            self.bytes = ContiguousArray(key)
            self.prefixCount = UInt32(key.count)
            self.ends = [self.prefixCount]
            return
        }
        key.withUnsafeBytes { self.shortenPrefix(toShareWith: $0) }
        let rest = key[Int(self.prefixCount)...]
        let start = slot == 0 ? self.prefixCount : self.ends[slot &- 1]
        self.bytes.reserveTightly(forNew: rest.count, step: 256)
        self.bytes.insert(contentsOf: rest, at: Int(start))
        self.ends.insertTightly(start, at: slot)
        let added = UInt32(rest.count)
        for later in slot..<self.ends.count { self.ends[later] &+= added }
    }

    /// Removes the string at `slot`.
    /// - Complexity: O(`count` + `byteCount`).
    mutating func remove(at slot: Int) {
        if self.ends.count == 1 {
            self = KeyTable()
            return
        }
        let rest = self.rest(of: slot)
        let removed = UInt32(rest.count)
        self.bytes.removeSubrange(rest)
        self.ends.remove(at: slot)
        for later in slot..<self.ends.count { self.ends[later] &-= removed }
    }

    /// Appends all strings of `table`.
    mutating func append(_ table: KeyTable) {
        if table.ends.isEmpty { return }
        if self.ends.isEmpty {
            self = table
            return
        }
        let prefix = table.bytes[..<Int(table.prefixCount)]
        prefix.withUnsafeBytes { self.shortenPrefix(toShareWith: $0) }
        for slot in 0..<table.count {
            self.bytes.append(contentsOf: prefix[Int(self.prefixCount)...])
            self.bytes.append(contentsOf: table.bytes[table.rest(of: slot)])
            self.ends.append(UInt32(self.bytes.count))
        }
    }

    /// Gives back to each string what of the shared prefix `string` does not begin with.
    private mutating func shortenPrefix(toShareWith string: UnsafeRawBufferPointer) {
        let end = Int(self.prefixCount)
        let count = self.bytes.withUnsafeBytes {
            commonPrefix(UnsafeRawBufferPointer(rebasing: $0[..<end]), string)
        }
        if count == end { return }
        let old = self.bytes
        self.bytes = []
        self.bytes.reserveCapacity(old.count &+ (end &- count) &* (self.count &- 1))
        self.bytes.append(contentsOf: old[..<count])
        var start = end
        for slot in self.ends.indices {
            self.bytes.append(contentsOf: old[count..<end])
            self.bytes.append(contentsOf: old[start..<Int(self.ends[slot])])
            start = Int(self.ends[slot])
            self.ends[slot] = UInt32(self.bytes.count)
        }
        self.prefixCount = UInt32(count)
    }
}

/// Compares the part of `left` from `i` to `leftEnd` with the part of `right` from `j` to
/// `rightEnd`, as `compareBytes` does.
@inline(__always)
private func compare(
    _ left: UnsafeRawBufferPointer,
    _ i: Int,
    _ leftEnd: Int,
    _ right: UnsafeRawBufferPointer,
    _ j: Int,
    _ rightEnd: Int
) -> Int {
    let shared = min(leftEnd &- i, rightEnd &- j)
    var offset = 0
    while offset &+ 8 <= shared {
        let x = left.loadUnaligned(fromByteOffset: i &+ offset, as: UInt64.self)
        let y = right.loadUnaligned(fromByteOffset: j &+ offset, as: UInt64.self)
        if x != y { return UInt64(bigEndian: x) < UInt64(bigEndian: y) ? -1 : 1 }
        offset &+= 8
    }
    while offset < shared {
        let x = left[i &+ offset]
        let y = right[j &+ offset]
        if x != y { return x < y ? -1 : 1 }
        offset &+= 1
    }
    return (leftEnd &- i) &- (rightEnd &- j)
}

/// Counts the bytes that two strings have in common from their beginning.
private func commonPrefix(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Int {
    let shared = min(left.count, right.count)
    var offset = 0
    while offset &+ 8 <= shared {
        let x = left.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
        let y = right.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
        if x != y { return offset &+ (x ^ y).littleEndian.trailingZeroBitCount / 8 }
        offset &+= 8
    }
    while offset < shared, left[offset] == right[offset] { offset &+= 1 }
    return offset
}

extension ContiguousArray {
    /// Makes room for `count` more elements, in steps of `step`, which is a power of two.
    ///
    /// The arrays of a node are many and small, and most are copied before they grow again: the
    /// standard library's doubling would leave a third of the index empty.
    mutating func reserveTightly(forNew count: Int, step: Int = 8) {
        self.reserveCapacity((self.count &+ count &+ step &- 1) & ~(step &- 1))
    }

    /// Inserts `element` at `position`, growing no further than need be.
    mutating func insertTightly(_ element: Element, at position: Int) {
        self.reserveTightly(forNew: 1)
        self.insert(element, at: position)
    }
}
