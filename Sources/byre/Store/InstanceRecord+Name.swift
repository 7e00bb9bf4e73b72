package import ByreCore

extension InstanceRecord {
    /// The instance of this name on this machine. Its number is the same after each start, so that its
    /// clients see the member that they know.
    /// - Parameter clientURLs: where its clients reach it; no two instances say the same.
    package init(name: String, host: String = hostName(), clientURLs: [String]) {
        let hash = Self.hash(([host, name] + clientURLs).joined(separator: "\n"))
        self.init(id: max(hash, 1), name: name, clientURLs: clientURLs)
    }

    /// FNV-1a: <https://www.rfc-editor.org/rfc/rfc9923>
    private static func hash(_ text: String) -> UInt64 {
        text.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }
}
