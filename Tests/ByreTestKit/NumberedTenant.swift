package import ByreCore

extension TenantDefinition {
    /// A tenant's definition whose uid tells its number.
    package static func numbered(_ number: Int, name: String? = nil) -> TenantDefinition {
        let name = name ?? "t\(number)"
        let digits = String(number, radix: 16)
        let zeros = String(repeating: "0", count: 12 - digits.count)
        return TenantDefinition(
            name: name,
            uid: "00000000-0000-4000-8000-\(zeros)\(digits)",
            prefix: self.defaultPrefix(of: name),
            createdAt: 1_700_000_000
        )
    }
}
