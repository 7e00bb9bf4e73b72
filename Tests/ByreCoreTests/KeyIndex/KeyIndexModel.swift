import ByreCore

/// What ``KeyIndex`` should answer, found the slow way.
struct KeyIndexModel {
    /// Versions of each key, ascending.
    private(set) var versions: [Bytes: [Version]] = [:]

    /// Keys in `range`, ascending.
    func keys(in range: KeyRange) -> [Bytes] {
        self.versions.keys.filter(range.contains).sorted { compareBytes($0, $1) < 0 }
    }

    func version(of key: Bytes, at revision: Int64) -> Version? {
        let visible = self.versions[key, default: []].last { $0.modRevision <= revision }
        return visible.flatMap { $0.isTombstone ? nil : $0 }
    }

    func live(in range: KeyRange, at revision: Int64 = .max) -> [KeyAndVersion] {
        self.keys(in: range).compactMap { key in
            self.version(of: key, at: revision).map { KeyAndVersion(key: key, version: $0) }
        }
    }

    func changes(in range: KeyRange, from first: Int64, through last: Int64) -> [Change] {
        self.keys(in: range).flatMap { key in
            self.versions[key, default: []]
                .filter { (first...last).contains($0.modRevision) }
                .map {
                    Change(
                        key: key,
                        version: $0,
                        previous: self.version(of: key, at: $0.modRevision - 1)
                    )
                }
        }
    }

    mutating func put(_ key: Bytes, _ version: Version) {
        self.versions[key, default: []].append(version)
    }

    /// What a compaction at `revision` removes of `key`: etcd's generations, spelled out.
    ///
    /// A
    /// generation ends with a tombstone. The first that does not end before `revision` keeps its
    /// newest version at or before it, and all later versions stay.
    func compactable(_ key: Bytes, at revision: Int64) -> [Version] {
        var removed: [Version] = []
        var generation: [Version] = []
        for version in self.versions[key, default: []] {
            generation.append(version)
            guard version.isTombstone else { continue }
            if version.modRevision >= revision { break }
            removed += generation
            generation = []
        }
        return removed + generation.filter { $0.modRevision <= revision }.dropLast()
    }

    mutating func compact(_ key: Bytes, at revision: Int64) {
        let removed = self.compactable(key, at: revision)
        self.versions[key]?.removeFirst(removed.count)
        if self.versions[key]?.isEmpty == true { self.versions[key] = nil }
    }
}

struct KeyAndVersion: Hashable {
    var key: Bytes
    var version: Version
}

struct Change: Hashable {
    var key: Bytes
    var version: Version
    var previous: Version?
}

extension KeyIndex {
    func live(in range: KeyRange, at revision: Int64? = nil) -> [KeyAndVersion] {
        var found: [KeyAndVersion] = []
        self.forEach(in: range, at: revision) { key, version in
            found.append(KeyAndVersion(key: key, version: version))
            return true
        }
        return found
    }

    func changes(in range: KeyRange, from first: Int64, through last: Int64) -> [Change] {
        var found: [Change] = []
        self.forEachVersion(in: range, modifiedFrom: first, through: last) {
            found.append(Change(key: $0, version: $1, previous: $2))
            return true
        }
        return found
    }

    func compactable(in range: KeyRange = .all, at revision: Int64) -> [Bytes] {
        var found: [Bytes] = []
        self.forEachCompactable(in: range, at: revision) {
            found.append($0)
            return true
        }
        return found
    }

    /// All that the index holds.
    var contents: [Bytes: [Version]] {
        var contents: [Bytes: [Version]] = [:]
        self.forEachEntry {
            contents[$0.key] = $0.versions
            return true
        }
        return contents
    }

    @discardableResult
    mutating func compactAll(at revision: Int64) -> [Version] {
        var removed: [Version] = []
        for key in self.compactable(at: revision) {
            self.compact(key, at: revision) { removed.append($0) }
        }
        return removed
    }
}

extension Version {
    /// A version that puts its key; the tests look at nothing but revisions.
    static func put(_ main: Int64, _ sub: UInt32 = 0) -> Version {
        Version(
            modRevision: main,
            sub: sub,
            valueSize: 1,
            createRevision: main,
            version: 1,
            lease: .none,
            row: RowID(rawValue: main)
        )
    }

    static func deletion(_ main: Int64, _ sub: UInt32 = 0) -> Version {
        .tombstone(at: Revision(main: main, sub: sub), row: RowID(rawValue: main))
    }
}
