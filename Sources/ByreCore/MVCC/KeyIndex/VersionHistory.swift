/// The versions of a key before its latest, ascending by revision.
///
/// A key that every request writes has as many versions as the tenant has revisions since the last
/// compaction, and each batch appends to a history that a snapshot still shares. So only a few
/// recent versions are copied by an append; the others lie in runs, where runs of equal length are
/// joined into one of twice the length, so that there are few of them.
///
/// One word, nil without versions: who settles a leaf that others share copies one for each key.
struct VersionHistory {
    private var storage: Storage?

    /// This many recent versions become a run.
    private static let recentMax = 32
    /// Runs of this length are not joined any more, which bounds the work of an append.
    private static let runMax = 16_384

    init() {}

    private init(_ runs: ContiguousArray<ContiguousArray<Version>>, recent: ArraySlice<Version>) {
        if runs.isEmpty, recent.isEmpty { return }
        self.storage = recent.withUnsafeBufferPointer {
            .holding(runs, recent: $0, capacity: $0.count)
        }
    }

    var isEmpty: Bool { self.storage == nil }

    /// - Complexity: O(number of runs), as all that follows.
    var count: Int {
        self.storage?.read { $0.runs.reduce($0.count) { $0 &+ $1.count } } ?? 0
    }

    /// The version with `position` older ones.
    /// - Precondition: `position < count`.
    subscript(position: Int) -> Version {
        var offset = position
        for run in self.runs {
            if offset < run.count { return run[offset] }
            offset &-= run.count
        }
        return self.withRecent { $0[offset] }
    }

    /// Counts the versions whose main revision is `revision` or less.
    /// - Complexity: O(number of runs + log `count`).
    func count(through revision: Int64) -> Int {
        var passed = 0
        for run in self.runs {
            let count = run.withUnsafeBufferPointer { $0.count(through: revision) }
            passed &+= count
            if count < run.count { return passed }
        }
        return passed &+ self.withRecent { $0.count(through: revision) }
    }

    /// Visits the versions from `position` on, ascending.
    func forEach(from position: Int, _ body: (Version) -> Void) {
        var skipped = position
        for run in self.runs {
            run.dropFirst(skipped).forEach(body)
            skipped = Swift.max(skipped &- run.count, 0)
        }
        self.withRecent { $0.dropFirst(skipped).forEach(body) }
    }

    /// Whether there are as few runs as appending leaves: those that are joined no more, fewer than
    /// one of each length below, and one that `removeFirst` cut short.
    var isWellJoined: Bool {
        guard let storage = self.storage else { return true }
        let lengths = (Self.runMax / Self.recentMax).trailingZeroBitCount
        return self.count > 0 && storage.header.count < Self.recentMax
            && storage.header.runs.count <= self.count / Self.runMax + lengths + 1
    }

    /// Appends a version that is newer than all.
    /// - Complexity: O(`runMax`), and O(`recentMax` + log `count`) on average.
    mutating func append(_ version: Version) {
        let isUnique = isKnownUniquelyReferenced(&self.storage)
        let (count, capacity) = self.storage?.read { ($0.count, $0.capacity) } ?? (0, 0)
        if count &+ 1 == Self.recentMax {
            self.startRun(endingWith: version)
            return
        }
        if !isUnique || count == capacity {
            // A history that others share is likely to be shared again before it grows once more.
            let room = isUnique ? Swift.min(count &* 2, Self.recentMax) : count
            self.storage = self.withRecent {
                .holding(self.runs, recent: $0, capacity: Swift.max(room, count &+ 1))
            }
        }
        self.storage?.append(version)
    }

    /// Makes a run of the recent versions and `version`.
    private mutating func startRun(endingWith version: Version) {
        var runs = self.runs
        var run = self.withRecent { ContiguousArray($0) }
        run.append(version)
        while let last = runs.last, last.count <= run.count, run.count < Self.runMax {
            run = last + run
            runs.removeLast()
        }
        runs.append(run)
        self = VersionHistory(runs, recent: [])
    }

    /// Removes the `count` oldest versions.
    mutating func removeFirst(_ count: Int) {
        var runs = self.runs
        var left = count
        while let first = runs.first, left > 0 {
            if left < first.count {
                runs[0] = ContiguousArray(first.dropFirst(left))
                left = 0
            } else {
                left &-= first.count
                runs.removeFirst()
            }
        }
        self = VersionHistory(runs, recent: self.withRecent { Array($0) }.dropFirst(left))
    }
}

// MARK: Storage

extension VersionHistory {
    private struct Header {
        /// Versions older than the recent ones, the oldest run first; none is empty.
        var runs: ContiguousArray<ContiguousArray<Version>>
        /// Recent versions, fewer than `recentMax`.
        var count: Int
        /// Recent versions that there is room for.
        let capacity: Int
    }

    /// The runs, and the recent versions behind them in one piece of memory.
    ///
    /// **Invariant:** the first `header.count` elements are initialized, and nothing has to be done
    /// to release one: a `Version` holds no references. It is changed only while there is exactly
    /// one reference to it.
    private final class Storage: ManagedBuffer<Header, Version> {
        static func holding(
            _ runs: ContiguousArray<ContiguousArray<Version>>,
            recent: UnsafeBufferPointer<Version>,
            capacity: Int
        ) -> Storage {
            let storage = unsafeDowncast(
                Storage.create(minimumCapacity: capacity) { _ in
                    Header(runs: runs, count: recent.count, capacity: capacity)
                },
                to: Storage.self
            )
            if let first = recent.baseAddress {
                storage.withUnsafeMutablePointerToElements {
                    $0.initialize(from: first, count: recent.count)
                }
            }
            return storage
        }

        /// Reads the header, which the runtime does not check as it does for `header`.
        @inline(__always)
        func read<Result>(_ body: (borrowing Header) -> Result) -> Result {
            self.withUnsafeMutablePointerToHeader { body($0.pointee) }
        }

        func append(_ version: Version) {
            self.withUnsafeMutablePointers { header, versions in
                precondition(header.pointee.count < header.pointee.capacity, "there is no room")
                (versions + header.pointee.count).initialize(to: version)
                header.pointee.count &+= 1
            }
        }
    }

    private var runs: ContiguousArray<ContiguousArray<Version>> {
        self.storage?.read { $0.runs } ?? []
    }

    /// Passes on the versions that are in no run.
    private func withRecent<Result>(_ body: (UnsafeBufferPointer<Version>) -> Result) -> Result {
        guard let storage = self.storage else {
            return body(UnsafeBufferPointer(start: nil, count: 0))
        }
        return storage.withUnsafeMutablePointers { header, versions in
            body(UnsafeBufferPointer(start: versions, count: header.pointee.count))
        }
    }
}

extension UnsafeBufferPointer<Version> {
    /// Counts the versions whose main revision is `revision` or less.
    fileprivate func count(through revision: Int64) -> Int {
        var low = 0
        var high = self.count
        while low < high {
            let middle = (low &+ high) / 2
            if self[middle].modRevision <= revision { low = middle &+ 1 } else { high = middle }
        }
        return low
    }
}
