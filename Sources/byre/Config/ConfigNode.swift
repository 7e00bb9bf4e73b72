import Yams

/// A piece of a configuration file that knows where it stands.
struct ConfigNode {
    private let node: Node
    /// The file's path as the person gave it.
    let file: String
    /// Where it is among the file's keys, as `tenants[2].limits`; nil where errors do not say so.
    private let field: String?

    /// Reads a file's text.
    /// - Throws: ``ConfigError`` when it is no YAML.
    /// - Parameter namesFields: whether errors name the key, too, and not only its place.
    init(yaml: String, file: String, namesFields: Bool = false) throws(ConfigError) {
        do {
            guard let root = try Yams.compose(yaml: yaml) else {
                throw ConfigError(file: file, line: 1, column: 1, "the file is empty")
            }
            self.node = root
            self.file = file
            self.field = namesFields ? "" : nil
        } catch let error as ConfigError {
            throw error
        } catch let error as YamlError {
            throw Self.error(error, file)
        } catch {
            throw ConfigError(file: file, line: 1, column: 1, "the file cannot be read as YAML")
        }
    }

    private init(_ node: Node, _ file: String, _ field: String?) {
        self.node = node
        self.file = file
        self.field = field
    }

    private static func error(_ error: YamlError, _ file: String) -> ConfigError {
        switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            return ConfigError(file: file, line: mark.line, column: mark.column, problem)
        case .duplicatedKeysInMapping(let keys, let context):
            let name = keys.first.map { "key \"\($0.description)\"" } ?? "a key"
            return ConfigError(
                file: file,
                line: context.mark.line,
                column: context.mark.column,
                "\(name) is given twice"
            )
        default:
            return ConfigError(file: file, line: 1, column: 1, "the file is no YAML")
        }
    }

    /// Says that something is wrong here.
    func error(_ text: String) -> ConfigError {
        let mark = self.node.mark
        return ConfigError(
            file: self.file,
            line: mark?.line ?? 1,
            column: mark?.column ?? 1,
            self.field.map { $0.isEmpty ? text : "\($0): \(text)" } ?? text
        )
    }

    /// The place, as errors begin.
    var place: String {
        let mark = self.node.mark
        return "\(self.file):\(mark?.line ?? 1):\(mark?.column ?? 1)"
    }

    var isMapping: Bool { self.node.mapping != nil }

    /// The text of a single value, quoted in the file or not.
    func text() throws(ConfigError) -> String {
        guard case .scalar(let scalar) = self.node else {
            throw self.error("one value is wanted here, not a list or a mapping")
        }
        guard self.node.null == nil else { throw self.error("a value is missing") }
        return scalar.string
    }

    /// The elements of a list.
    func list() throws(ConfigError) -> [ConfigNode] {
        guard let sequence = self.node.sequence else { throw self.error("a list is wanted here") }
        return sequence.enumerated().map { index, node in
            ConfigNode(node, self.file, self.field.map { "\($0)[\(index)]" })
        }
    }

    /// The elements of a list, or the one that stands in its place.
    func oneOrMore() throws(ConfigError) -> [ConfigNode] {
        guard self.node.sequence != nil else { return [self] }
        let list = try self.list()
        if list.isEmpty { throw self.error("the list is empty") }
        return list
    }

    /// The entries of a mapping, in order.
    func entries() throws(ConfigError) -> [(name: String, key: ConfigNode, value: ConfigNode)] {
        guard let mapping = self.node.mapping else {
            throw self.error("a mapping of keys to values is wanted here")
        }
        var entries: [(name: String, key: ConfigNode, value: ConfigNode)] = []
        for (key, value) in mapping {
            let key = ConfigNode(key, self.file, self.field)
            let name = try key.text()
            let field = self.field.map { $0.isEmpty ? name : "\($0).\(name)" }
            entries.append((name, key, ConfigNode(value, self.file, field)))
        }
        return entries
    }
}
