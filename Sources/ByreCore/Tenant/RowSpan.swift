/// The rows among which all of one tenant's are; other tenants' may be between them.
///
/// It only grows while a server runs: compaction does not narrow it before the next start.
package struct RowSpan: Hashable, Sendable {
    package private(set) var first: RowID
    /// Before `first` while there are no rows.
    package private(set) var last: RowID

    /// No rows yet; those to come are numbered from `next` on.
    package init(from next: RowID) {
        self.first = next
        self.last = RowID(rawValue: next.rawValue - 1)
    }

    package init(_ rows: ClosedRange<RowID>) {
        self.first = rows.lowerBound
        self.last = rows.upperBound
    }

    package var isEmpty: Bool { self.last < self.first }

    /// Numbers of rows in the span, whosever they are.
    package var count: Int64 { self.last.rawValue - self.first.rawValue + 1 }

    package mutating func include(_ row: RowID) {
        self.first = self.isEmpty ? row : min(self.first, row)
        self.last = max(self.last, row)
    }

    /// Takes up to `countMax` rows off the beginning.
    /// - Returns: nil when there are none left.
    package mutating func takeFirst(_ countMax: Int64) -> ClosedRange<RowID>? {
        guard !self.isEmpty else { return nil }
        let first = self.first
        let last = min(self.last, RowID(rawValue: first.rawValue + countMax - 1))
        self.first = RowID(rawValue: last.rawValue + 1)
        return first...last
    }

    /// Takes the rows up to one off the beginning.
    package mutating func drop(through row: RowID) {
        self.first = max(self.first, RowID(rawValue: row.rawValue + 1))
    }
}
