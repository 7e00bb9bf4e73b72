import FoundationEssentials

/// Files that tell how to reach a cluster, read whole.
enum AccessFile {
    /// Reads a file.
    /// - Throws: ``APIError/configuration(_:)`` naming it.
    static func read(_ path: String) throws(APIError) -> [UInt8] {
        guard let handle = FileManager.default.contents(atPath: path) else {
            throw .configuration("\(path): cannot be read")
        }
        guard handle.count <= Limits.fileBytesMax else {
            throw .configuration("\(path): is larger than \(Limits.fileBytesMax) bytes")
        }
        return Array(handle)
    }

    /// Reads a file of text, without the white space around it.
    static func text(_ path: String) throws(APIError) -> String {
        guard let text = String(validating: try self.read(path), as: UTF8.self) else {
            throw .configuration("\(path): is no text")
        }
        var trimmed = text[...]
        while let last = trimmed.last, last.isWhitespace { trimmed.removeLast() }
        return String(trimmed.drop { $0.isWhitespace })
    }
}

/// A bearer token, read again from its file when it may have changed.
struct TokenReader {
    private let token: ClusterAccess.Token
    private var held: (text: String, at: ContinuousClock.Instant)?

    init(_ token: ClusterAccess.Token) {
        self.token = token
    }

    /// Whether ``renew()`` may lead to another token.
    var isRenewable: Bool {
        if case .file = self.token { true } else { false }
    }

    /// The token to show now; nil for none.
    /// - Throws: ``APIError/configuration(_:)`` for a file that cannot be read or holds none.
    mutating func current(at now: ContinuousClock.Instant) throws(APIError) -> String? {
        switch self.token {
        case .none: return nil
        case .text(let text): return text
        case .file(let path):
            if let held, now - held.at < Limits.tokenLifetime { return held.text }
            let text = try AccessFile.text(path)
            // Anything else would be a header field of another kind.
            guard !text.isEmpty, text.utf8.allSatisfy({ 0x21...0x7E ~= $0 }) else {
                throw .configuration("\(path): holds no token")
            }
            self.held = (text, now)
            return text
        }
    }

    /// Has the file read again.
    mutating func renew() {
        self.held = nil
    }
}
