/// One small part of the server, done over and over.
struct MicroBenchmark: Sendable {
    let name: String
    /// How often it is done to see what one time costs: more, the less it costs.
    let iterations: Int
    /// Makes what is needed, and returns what one iteration does.
    let prepare: @Sendable () throws -> (_ iteration: Int) throws -> Void

    /// What a benchmark found, when it is not what it must find.
    struct Surprise: Error {
        let what: String
    }
}

/// Keys like those of a kube-apiserver.
enum MicroKeys {
    static let count = 10_000
    static let value = [UInt8](repeating: 120, count: 1_024)

    static func key(_ number: Int) -> [UInt8] {
        let digits = String(number)
        let zeros = String(repeating: "0", count: 6 - digits.count)
        return Array("/registry/pods/default/web-\(zeros)\(digits)".utf8)
    }

    /// All keys, to be picked from without making one.
    static let all = (0..<count).map(key)

    /// A number that jumps about.
    static func scattered(_ iteration: Int) -> Int { iteration &* 7_919 % count }
}
