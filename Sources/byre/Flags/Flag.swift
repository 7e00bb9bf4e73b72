/// What a command is given: a value of its options exists before any flag is read, and holds the
/// defaults that help shows.
package protocol FlagOptions: Sendable {
    init()
}

/// One flag of a command: everything that parsing, the environment, help and the documentation know
/// about it.
package struct Flag<Options: FlagOptions>: Sendable {
    /// What becomes of the flag.
    package enum Use: Sendable, Equatable {
        /// It changes what the server does.
        case applies
        /// It applies, under a name that etcd has given up. Only the `etcd` personality takes it.
        case renamed(to: String)
        /// Only etcd has use for it. The `etcd` personality accepts it; other commands refuse it.
        case ignored(because: String)
        /// It asks for something that must not be passed over in silence.
        case refused(because: String)
    }

    /// Who named the flag, and thereby the prefix of its environment variable.
    package enum Origin: Sendable {
        case etcd
        case byre
        /// It has no variable: it concerns one run of a command.
        case commandLine
    }

    package let name: String
    package let use: Use
    package let origin: Origin
    package let placeholder: String
    package let isBoolean: Bool
    /// The text of the default; empty when there is none.
    package let defaultText: String
    /// A sentence or more for help.
    package let help: String
    /// Checks a text and, if the flag applies, stores its value.
    package let assign: @Sendable (_ options: inout Options, String) throws(FlagValueError) -> Void

    private init(
        name: String,
        use: Use,
        origin: Origin,
        placeholder: String,
        isBoolean: Bool,
        defaultText: String,
        help: String,
        assign: @escaping @Sendable (inout Options, String) throws(FlagValueError) -> Void
    ) {
        self.name = name
        self.use = use
        self.origin = origin
        self.placeholder = placeholder
        self.isBoolean = isBoolean
        self.defaultText = defaultText
        self.help = help
        self.assign = assign
    }

    /// Makes a flag that sets a property of the options.
    /// - Parameters:
    ///   - origin: etcd's flag, or Byre's own.
    ///   - placeholder: stands for the value in help, in place of the type's own.
    package init<Value: FlagValue>(
        _ name: String,
        _ property: any WritableKeyPath<Options, Value> & Sendable,
        origin: Origin = .etcd,
        placeholder: String? = nil,
        _ help: String
    ) {
        self.init(
            name: name,
            use: .applies,
            origin: origin,
            placeholder: placeholder ?? Value.placeholder,
            isBoolean: Value.isBoolean,
            defaultText: Options()[keyPath: property].flagText,
            help: help
        ) { (options, text) throws(FlagValueError) in
            options[keyPath: property] = try Value(flagText: text)
        }
    }

    /// Makes a flag that sets a property of the options, whose values have bounds.
    package init<Value: FlagInteger>(
        _ name: String,
        _ property: any WritableKeyPath<Options, Value> & Sendable,
        in bounds: ClosedRange<Value>,
        origin: Origin = .etcd,
        _ help: String
    ) {
        self.init(
            name: name,
            use: .applies,
            origin: origin,
            placeholder: Value.placeholder,
            isBoolean: false,
            defaultText: Options()[keyPath: property].flagText,
            help: help
        ) { (options, text) throws(FlagValueError) in
            guard let value = try? Value(flagText: text), bounds.contains(value) else {
                throw FlagValueError(
                    "is not a whole number from \(bounds.lowerBound) to \(bounds.upperBound)"
                )
            }
            options[keyPath: property] = value
        }
    }

    /// Makes a flag that may be given several times; each adds its values to a property.
    package init<Element: FlagValue & Equatable>(
        _ name: String,
        addingTo property: any WritableKeyPath<Options, [Element]> & Sendable,
        origin: Origin = .etcd,
        placeholder: String? = nil,
        _ help: String
    ) {
        self.init(
            name: name,
            use: .applies,
            origin: origin,
            placeholder: placeholder ?? Element.placeholder,
            isBoolean: false,
            defaultText: "",
            help: help
        ) { (options, text) throws(FlagValueError) in
            for element in try [Element](flagText: text)
            where !options[keyPath: property].contains(element) {
                options[keyPath: property].append(element)
            }
        }
    }

    /// Makes a flag that does what `current` does, under the name it had in older versions of etcd.
    package static func renamed(_ name: String, to current: Flag) -> Flag {
        Flag(
            name: name,
            use: .renamed(to: current.name),
            origin: current.origin,
            placeholder: current.placeholder,
            isBoolean: current.isBoolean,
            defaultText: "",
            help: "Older name of --\(current.name).",
            assign: current.assign
        )
    }

    /// Makes a flag of etcd that has no effect here; its value is still checked.
    package static func ignored<Value: FlagValue>(
        _ name: String,
        _ type: Value.Type,
        because reason: String
    ) -> Flag {
        Flag(
            name: name,
            use: .ignored(because: reason),
            origin: .etcd,
            placeholder: type.placeholder,
            isBoolean: type.isBoolean,
            defaultText: "",
            help: "Accepted, no effect: \(reason)."
        ) { (_, text) throws(FlagValueError) in
            _ = try Value(flagText: text)
        }
    }

    /// Makes a flag of etcd that is refused unless its text is one of those that ask for nothing.
    package static func refused<Value: FlagValue>(
        _ name: String,
        _ type: Value.Type,
        unless harmless: [String],
        because reason: String
    ) -> Flag {
        Flag(
            name: name,
            use: .refused(because: reason),
            origin: .etcd,
            placeholder: type.placeholder,
            isBoolean: type.isBoolean,
            defaultText: "",
            help: "Refused: \(reason)."
        ) { (_, text) throws(FlagValueError) in
            _ = try Value(flagText: text)
            guard harmless.contains(text) else {
                throw FlagValueError("is refused: \(reason)")
            }
        }
    }

    /// The flag as it is typed: `--data-dir`, `-o`.
    package var typed: String { (self.name.count == 1 ? "-" : "--") + self.name }

    /// The name of the flag's environment variable under `prefix`, as `ETCD_DATA_DIR`.
    package func environmentName(prefix: String) -> String {
        prefix + "_" + self.name.uppercased().replacing("-", with: "_")
    }
}
