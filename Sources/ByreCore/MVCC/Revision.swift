/// A point in a tenant's history: `main` counts transactions, `sub` the changes within one.
///
/// Main revisions of a tenant are consecutive (*Gapless*): an empty store is at 1, its first change
/// at 2.
package struct Revision: Hashable, Comparable, Sendable {
    package var main: Int64
    package var sub: UInt32

    package init(main: Int64, sub: UInt32) {
        self.main = main
        self.sub = sub
    }

    package static func < (a: Revision, b: Revision) -> Bool {
        a.main != b.main ? a.main < b.main : a.sub < b.sub
    }
}
