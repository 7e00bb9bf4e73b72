/// Names a tenant within its store. Every access to a backend starts with one; there is no "no
/// tenant".
package struct TenantID: RawRepresentable, Hashable, Comparable, Sendable {
    package let rawValue: Int64

    package init(rawValue: Int64) {
        self.rawValue = rawValue
    }

    package static func < (a: TenantID, b: TenantID) -> Bool { a.rawValue < b.rawValue }
}
