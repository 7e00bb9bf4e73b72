/// One line of a watch.
package enum WatchEvent: Hashable, Sendable {
    case added(JSONValue)
    case modified(JSONValue)
    case deleted(JSONValue)
    /// Nothing happened up to this resource version.
    case bookmark(resourceVersion: String)
    /// The watch is over.
    case error(APIStatus)

    /// Reads a line.
    /// - Throws: ``APIError/malformed(_:)``.
    package init(decoding line: [UInt8]) throws(APIError) {
        let event = try JSONValue(decoding: line)
        guard let type = event["type"]?.text, let object = event["object"], object.object != nil
        else { throw .malformed("a watch brings what is no event") }
        if type == "ERROR" {
            self = .error(APIStatus(object, code: 500))
            return
        }
        guard let version = object.resourceVersion else {
            throw .malformed("a watch brings an object without resourceVersion")
        }
        switch type {
        case "ADDED": self = .added(object)
        case "MODIFIED": self = .modified(object)
        case "DELETED": self = .deleted(object)
        case "BOOKMARK": self = .bookmark(resourceVersion: version)
        default: throw .malformed("a watch brings an event of an unknown type")
        }
    }
}

/// Cuts a stream of bytes into lines.
package struct LineSplitter {
    private var line: [UInt8] = []

    package init() {}

    /// Takes the next bytes of the stream, however they are cut.
    /// - Returns: the lines that are whole now, without their ends, and without empty ones.
    /// - Throws: ``APIError/tooLarge(_:)`` for a line longer than ``Limits/eventBytesMax``.
    package mutating func split(_ bytes: [UInt8]) throws(APIError) -> [[UInt8]] {
        var lines: [[UInt8]] = []
        var start = 0
        while let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) {
            self.line += bytes[start..<end]
            if !self.line.isEmpty { lines.append(self.line) }
            self.line = []
            start = end + 1
        }
        self.line += bytes[start...]
        guard self.line.count <= Limits.eventBytesMax else {
            throw .tooLarge("an event of a watch is larger than this client takes")
        }
        return lines
    }
}

extension JSONValue {
    /// An object's name.
    var name: String? { self["metadata"]?["name"]?.text }
    /// An object's namespace; nil for one that has none.
    var namespace: String? { self["metadata"]?["namespace"]?.text }
    /// An object's uid.
    var uid: String? { self["metadata"]?["uid"]?.text }
    /// The version of an object, or the moment of a list.
    var resourceVersion: String? {
        let version = self["metadata"]?["resourceVersion"]?.text
        return version == "" ? nil : version
    }
}
