/// The versions of a key before its latest, ascending by revision.
///
/// A key that every request writes has as many versions as the tenant has revisions since the last
/// compaction, and each batch appends to a history that a snapshot still shares. So only a few
/// recent versions are copied by an append; the others lie in runs, where runs of equal length are
/// joined into one of twice the length, so that there are few of them.
struct VersionHistory {
    /// Versions older than `recent`, the oldest run first; none is empty.
    private var runs: ContiguousArray<ContiguousArray<Version>> = []
    /// The newest, fewer than `recentMax`.
    private var recent: ContiguousArray<Version> = []

    /// This many recent versions become a run.
    private static let recentMax = 32
    /// Runs of this length are not joined any more, which bounds the work of an append.
    private static let runMax = 16_384

    init() {}

    var isEmpty: Bool { self.recent.isEmpty && self.runs.isEmpty }

    /// - Complexity: O(number of runs), as all that follows.
    var count: Int { self.runs.reduce(self.recent.count) { $0 &+ $1.count } }

    /// The version with `position` older ones.
    subscript(position: Int) -> Version {
        var offset = position
        for run in self.runs {
            if offset < run.count { return run[offset] }
            offset &-= run.count
        }
        return self.recent[offset]
    }

    /// Counts the versions whose main revision is `revision` or less.
    /// - Complexity: O(number of runs + log `count`).
    func count(through revision: Int64) -> Int {
        var passed = 0
        for run in self.runs {
            let count = run.count(through: revision)
            passed &+= count
            if count < run.count { return passed }
        }
        return passed &+ self.recent.count(through: revision)
    }

    /// Visits the versions from `position` on, ascending.
    func forEach(from position: Int, _ body: (Version) -> Void) {
        var skipped = position
        for run in self.runs {
            run.dropFirst(skipped).forEach(body)
            skipped = Swift.max(skipped &- run.count, 0)
        }
        self.recent.dropFirst(skipped).forEach(body)
    }

    /// Whether there are as few runs as appending leaves: those that are joined no more, fewer than
    /// one of each length below, and one that `removeFirst` cut short.
    var isWellJoined: Bool {
        let lengths = (Self.runMax / Self.recentMax).trailingZeroBitCount
        return self.recent.count < Self.recentMax
            && self.runs.count <= self.count / Self.runMax + lengths + 1
    }

    /// Appends a version that is newer than all.
    /// - Complexity: O(`runMax`), and O(`recentMax` + log `count`) on average.
    mutating func append(_ version: Version) {
        self.recent.append(version)
        if self.recent.count < Self.recentMax { return }
        var run = self.recent
        self.recent = []
        while let last = self.runs.last, last.count <= run.count, run.count < Self.runMax {
            run = last + run
            self.runs.removeLast()
        }
        self.runs.append(run)
    }

    /// Removes the `count` oldest versions.
    mutating func removeFirst(_ count: Int) {
        var left = count
        while let first = self.runs.first, left > 0 {
            if left < first.count {
                self.runs[0] = ContiguousArray(first.dropFirst(left))
                return
            }
            left &-= first.count
            self.runs.removeFirst()
        }
        if left > 0 { self.recent = ContiguousArray(self.recent.dropFirst(left)) }
    }
}

extension ContiguousArray<Version> {
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
