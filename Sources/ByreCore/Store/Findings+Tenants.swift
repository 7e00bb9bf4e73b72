extension Findings {
    /// Rules of the registry that constraints of a store do not hold: definitions are ones that the
    /// server would take, no prefix begins another, and nobody's identity is another's name.
    package mutating func check(_ tenants: [StoredTenant]) {
        let tenants = tenants.filter { !$0.isErasing }
        for tenant in tenants {
            do throws(DefinitionFault) {
                try tenant.definition.check()
            } catch {
                self.add(tenant: tenant.record.id.rawValue, error.description)
            }
        }
        self.checkPrefixes(tenants)
        self.checkNames(tenants)
    }

    private mutating func checkPrefixes(_ tenants: [StoredTenant]) {
        let sorted = tenants.sorted {
            compareBytes($0.definition.prefix, $1.definition.prefix) < 0
        }
        // What a prefix begins comes right after it.
        for (first, next) in zip(sorted, sorted.dropFirst())
        where next.definition.prefix.starts(with: first.definition.prefix) {
            self.add(
                tenant: next.record.id.rawValue,
                "its prefix begins with that of tenant \(first.record.id.rawValue)"
            )
        }
    }

    private mutating func checkNames(_ tenants: [StoredTenant]) {
        let names = Dictionary(
            tenants.map { ($0.definition.name, $0.record.id.rawValue) },
            uniquingKeysWith: { first, _ in first }
        )
        for tenant in tenants {
            let id = tenant.record.id.rawValue
            for identity in tenant.definition.identities.sorted()
            where identity.kind == .commonName {
                guard let other = names[identity.value], other != id else { continue }
                self.add(tenant: id, "an identity of it is the name of tenant \(other)")
            }
        }
    }
}
