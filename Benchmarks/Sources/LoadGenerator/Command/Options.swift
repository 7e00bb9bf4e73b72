/// The flags that were given.
package struct Options: Sendable {
    private var values: [String: [String]] = [:]

    /// Reads `--flag value` and `--flag=value`.
    package init(_ arguments: [String], flags: [Flag]) throws(Failure) {
        var rest = arguments[...]
        while let word = rest.popFirst() {
            guard word.hasPrefix("--") else { throw Failure("\(word): what is this?") }
            let parts = word.dropFirst(2).split(separator: "=", maxSplits: 1).map(String.init)
            guard let name = parts.first, let flag = flags.first(where: { $0.name == name }) else {
                throw Failure("\(word): no such flag; see --help")
            }
            if flag.placeholder == nil {
                guard parts.count == 1 else { throw Failure("--\(name) takes no value") }
                self.values[name, default: []].append("true")
            } else if parts.count == 2 {
                self.values[name, default: []].append(parts[1])
            } else if let value = rest.popFirst() {
                self.values[name, default: []].append(value)
            } else {
                throw Failure("--\(name) needs a value")
            }
        }
    }

    package func all(_ name: String) -> [String] { self.values[name] ?? [] }

    package func text(_ name: String) -> String? { self.values[name]?.last }

    /// The values of a flag that is about targets, each with the target's name.
    package func named(_ flag: String) throws(Failure) -> [(name: String, value: String)] {
        var values: [(name: String, value: String)] = []
        for text in self.all(flag) {
            let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2 else { throw Failure("--\(flag)=\(text): it is NAME=...") }
            values.append((parts[0], parts[1]))
        }
        return values
    }

    package func isSet(_ name: String) -> Bool { self.values[name] != nil }

    /// A number that is not negative.
    package func number(_ name: String, _ usual: Int) throws(Failure) -> Int {
        guard let text = self.text(name) else { return usual }
        guard let number = Int(text), number >= 0 else {
            throw Failure("--\(name): \(text) is no number")
        }
        return number
    }

    /// A number above 0.
    package func count(_ name: String, _ usual: Int) throws(Failure) -> Int {
        let number = try self.number(name, usual)
        guard number > 0 else { throw Failure("--\(name) has to be 1 at least") }
        return number
    }

    package func decimal(_ name: String) throws(Failure) -> Double? {
        guard let text = self.text(name) else { return nil }
        guard let number = Double(text), number >= 0, number.isFinite else {
            throw Failure("--\(name): \(text) is no number")
        }
        return number
    }

    /// What the flags of a load say.
    package func shape() throws(Failure) -> LoadShape {
        var shape = LoadShape()
        shape.connections = try self.count("connections", 1)
        shape.streams = try self.count("streams", 1)
        shape.threads = try self.count("threads", 1)
        shape.seconds = try self.decimal("seconds") ?? shape.seconds
        shape.warmup = try self.decimal("warmup") ?? shape.warmup
        shape.rate = try self.decimal("rate")
        if let rate = shape.rate, rate == 0 { throw Failure("--rate has to be above 0") }
        if let text = self.text("arrivals") {
            guard let arrivals = Schedule.Arrivals(rawValue: text) else {
                throw Failure("--arrivals is constant or poisson")
            }
            shape.arrivals = arrivals
        }
        return shape
    }

    package func keys(_ usual: Int = 10_000) throws(Failure) -> Keys {
        Keys(
            prefix: self.text("prefix") ?? "/registry/bench/",
            count: try self.count("keys", usual)
        )
    }
}
