import ByreTestKit
import Glibc
import Testing

/// Random histories of two and three instances of one store, with failures: what they say is what one
/// etcd could have said.
@Suite struct SharedHistoryTests {
    /// `BYRE_ENGINE_SEED` repeats one; `BYRE_ENGINE_SEEDS` says how many there are.
    private static let seeds: [UInt64] = {
        if let one = Self.number("BYRE_ENGINE_SEED") { return [one] }
        return Array(1...(Self.number("BYRE_ENGINE_SEEDS") ?? 16))
    }()

    private static func number(_ variable: String) -> UInt64? {
        getenv(variable).flatMap { UInt64(String(cString: $0)) }
    }

    @Test(arguments: Self.seeds) func everyHistoryIsThatOfOneStore(seed: UInt64) throws {
        var world = try SharedWorld(seed: seed)
        for _ in 0..<80 { try world.step() }
        print("BYRE_ENGINE_SEED=\(seed): \(try world.finish())")
    }
}
