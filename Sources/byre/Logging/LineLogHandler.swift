package import Logging

/// Logs one line per event: a JSON object with etcd's field names, or `key=value` pairs.
///
/// `level`, `ts` and `msg` come first, then the metadata sorted by key. Whoever logs keeps keys,
/// values and tokens of clients out of it.
package struct LineLogHandler: LogHandler {
    package enum Format: Sendable {
        case json
        case console
    }

    package var logLevel: Logger.Level
    package var metadata: Logger.Metadata = [:]
    package var metadataProvider: Logger.MetadataProvider?
    private let format: Format
    private let sink: LogSink
    /// Nanoseconds since 1970, as the lines are stamped.
    private let now: @Sendable () -> Int64

    package init(
        level: Logger.Level,
        format: Format,
        sink: LogSink,
        now: @escaping @Sendable () -> Int64 = Timestamp.now
    ) {
        self.logLevel = level
        self.format = format
        self.sink = sink
        self.now = now
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { self.metadata[key] }
        set { self.metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        var fields = self.metadata
        if let provided = self.metadataProvider?.get() {
            fields.merge(provided) { _, new in new }
        }
        if let own = event.metadata {
            fields.merge(own) { _, new in new }
        }
        if let error = event.error {
            fields["error"] = "\(error)"
        }
        let sorted = fields.sorted { $0.key < $1.key }.map { ($0.key, $0.value.description) }
        let head = [
            ("level", Self.name(of: event.level)),
            ("ts", Timestamp.text(nanoseconds: self.now())),
            ("msg", event.message.description),
        ]
        switch self.format {
        case .json: self.sink.write(line: jsonObject(head + sorted))
        case .console: self.sink.write(line: consoleLine(head + sorted))
        }
    }

    /// etcd's name of a level.
    private static func name(of level: Logger.Level) -> String {
        switch level {
        case .trace, .debug: "debug"
        case .info, .notice: "info"
        case .warning: "warn"
        case .error: "error"
        case .critical: "fatal"
        }
    }
}

/// Encodes an object whose values are all strings.
func jsonObject(_ fields: [(String, String)]) -> String {
    "{" + fields.map { jsonString($0.0) + ":" + jsonString($0.1) }.joined(separator: ",") + "}"
}

/// Encodes a JSON string: RFC 8259, section 7.
private func jsonString(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\"": result += "\\\""
        case "\\": result += "\\\\"
        case "\n": result += "\\n"
        case "\r": result += "\\r"
        case "\t": result += "\\t"
        case "\u{0}"..<"\u{20}", "\u{7F}", "\u{2028}", "\u{2029}":
            let digits = String(scalar.value, radix: 16)
            result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        default: result.unicodeScalars.append(scalar)
        }
    }
    return result + "\""
}

/// Encodes `key=value` pairs, quoting a value that has to be.
func consoleLine(_ fields: [(String, String)]) -> String {
    fields.map { key, value in
        let isPlain =
            !value.isEmpty
            && value.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x22 && $0 != 0x3D }
        return key + "=" + (isPlain ? value : jsonString(value))
    }
    .joined(separator: " ")
}
