/// The versions of a key before its latest, ascending by revision.
///
/// /// A key that every request writes has as many versions as the tenant has revisions since the last
/// compaction, and each batch appends to a history that a snapshot still shares. So the versions
/// are kept in runs: an append copies the last run at most, which is short, and full runs of equal
/// length are joined into one of twice the length, so that there are few of them.
struct VersionHistory {
    /// None is empty.
    private var runs: ContiguousArray<ContiguousArray<Version>> = []

    /// A run this long is not appended to, but joined with its neighbours.
    private static let runStart = 32
    /// Runs of this length are not joined any more, which bounds the work of an append.
    private static let runEnd = 16_384

    init() {}

    var isEmpty: Bool { self.runs.isEmpty }

    /// - Complexity: O(number of runs), as all that follows.
    var count: Int { self.runs.reduce(0) { $0 &+ $1.count } }

    /// The version with `position` older ones.
    subscript(position: Int) -> Version {
        var offset = position
        for run in self.runs {
            if offset < run.count { return run[offset] }
            offset &-= run.count
        }
        preconditionFailure("a history of \(self.count) versions has none at \(position)")
    }

    /// Counts the versions whose main revision is `revision` or less.
    /// - Complexity: O(number of runs + log `count`).
    func count(through revision: Int64) -> Int {
        var passed = 0
        for run in self.runs {
            if run[run.count &- 1].modRevision <= revision {
                passed &+= run.count
                continue
            }
            var low = 0
            var high = run.count &- 1
            while low < high {
                let middle = (low &+ high) / 2
                if run[middle].modRevision <= revision { low = middle &+ 1 } else { high = middle }
            }
            return passed &+ low
        }
        return passed
    }

    /// Visits the versions from `position` on, ascending.
    func forEach(from position: Int = 0, _ body: (Version) -> Void) {
        var skipped = position
        for run in self.runs {
            if skipped >= run.count {
                skipped &-= run.count
                continue
            }
            for index in skipped..<run.count { body(run[index]) }
            skipped = 0
        }
    }

    /// Appends a version that is newer than all.
    /// - Complexity: O(`runEnd`), and O(`runStart` + log `count`) on average.
    mutating func append(_ version: Version) {
        guard let last = self.runs.indices.last, self.runs[last].count < Self.runStart else {
            self.runs.append([version])
            return
        }
        self.runs[last].append(version)
        if self.runs[last].count == Self.runStart { self.joinFullRuns() }
    }

    private mutating func joinFullRuns() {
        while self.runs.count >= 2 {
            let last = self.runs.count &- 1
            guard self.runs[last &- 1].count <= self.runs[last].count,
                self.runs[last].count < Self.runEnd
            else { return }
            let newer = self.runs.removeLast()
            self.runs[last &- 1].reserveCapacity(self.runs[last &- 1].count &+ newer.count)
            self.runs[last &- 1].append(contentsOf: newer)
        }
    }

    /// Removes the `count` oldest versions.
    mutating func removeFirst(_ count: Int) {
        var left = count
        var wholeRuns = 0
        while wholeRuns < self.runs.count, self.runs[wholeRuns].count <= left {
            left &-= self.runs[wholeRuns].count
            wholeRuns &+= 1
        }
        self.runs.removeSubrange(0..<wholeRuns)
        if left > 0 { self.runs[0] = ContiguousArray(self.runs[0].dropFirst(left)) }
    }
}
