/// The query of a URL: what stands behind `?`.
struct Query {
    private let pairs: [(name: Substring, value: Substring)]

    init(_ text: String?) {
        self.pairs = (text ?? "").split(separator: "&").map { pair in
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return (parts[0], parts.count > 1 ? parts[1] : "")
        }
    }

    func has(_ name: String) -> Bool { self.pairs.contains { $0.name == name } }

    func values(_ name: String) -> [String] {
        self.pairs.filter { $0.name == name }.map { String($0.value) }
    }
}
