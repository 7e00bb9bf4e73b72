/// One key of a mapping in the configuration file: everything that reading it and help on it know.
struct ConfigKey<Value>: Sendable {
    let name: String
    /// Stands for the value in help.
    let placeholder: String
    let help: String
    /// What the value's own mapping may hold, for help.
    var nested: [ConfigHelpEntry] = []
    let read: @Sendable (inout Value, ConfigNode) throws(ConfigError) -> Void

    init(
        _ name: String,
        _ placeholder: String,
        _ help: String,
        nested: [ConfigHelpEntry] = [],
        read: @escaping @Sendable (inout Value, ConfigNode) throws(ConfigError) -> Void
    ) {
        self.name = name
        self.placeholder = placeholder
        self.help = help
        self.nested = nested
        self.read = read
    }
}

/// A key as help shows it.
package struct ConfigHelpEntry: Sendable {
    package let name: String
    let placeholder: String
    let help: String
    package let nested: [ConfigHelpEntry]
}

/// What a mapping may hold.
struct ConfigSection<Value>: Sendable {
    let keys: [ConfigKey<Value>]

    init(_ keys: [ConfigKey<Value>]) {
        self.keys = keys
    }

    /// Reads a mapping.
    /// - Throws: ``ConfigError`` for a key that is not among these, and whatever a key finds wrong.
    func read(_ node: ConfigNode, into value: inout Value) throws(ConfigError) {
        for (name, key, content) in try node.entries() {
            guard let known = self.keys.first(where: { $0.name == name }) else {
                throw key.error(self.unknown(name))
            }
            try known.read(&value, content)
        }
    }

    private func unknown(_ name: String) -> String {
        let nearest =
            self.keys
            .map {
                (name: $0.name, distance: editDistance($0.name.lowercased(), name.lowercased()))
            }
            .min { $0.distance < $1.distance }
        if let nearest, nearest.distance <= (name.count + 3) / 3 {
            return "unknown key \"\(name)\"; did you mean \"\(nearest.name)\"?"
        }
        let names = self.keys.map(\.name).joined(separator: ", ")
        return "unknown key \"\(name)\"; the keys here are \(names)"
    }

    var help: [ConfigHelpEntry] {
        self.keys.map {
            ConfigHelpEntry(
                name: $0.name,
                placeholder: $0.placeholder,
                help: $0.help,
                nested: $0.nested
            )
        }
    }
}
