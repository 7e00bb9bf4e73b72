/// Names a lease within its tenant. Any `Int64` but 0 is legal, negative ones too.
package struct LeaseID: RawRepresentable, Hashable, Comparable, Sendable {
    package let rawValue: Int64

    package init(rawValue: Int64) {
        self.rawValue = rawValue
    }

    /// What a key without a lease holds.
    package static let none = LeaseID(rawValue: 0)

    package static func < (a: LeaseID, b: LeaseID) -> Bool { a.rawValue < b.rawValue }
}
