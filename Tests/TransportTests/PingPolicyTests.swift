import Testing
import Transport

@Suite struct PingPolicyTests {
    /// Pings at the given seconds and says which of them is one too many.
    ///
    /// - Parameter answered: The pings before which the server has sent a message.
    private func check(
        _ seconds: [Int],
        streams: Int,
        permit: Bool = false,
        answered: Set<Int> = []
    ) -> Int? {
        var keepalive = Keepalive()
        keepalive.permitWithoutStream = permit
        var policy = PingPolicy(keepalive)
        return seconds.indices.first { index in
            policy.isExceeded(
                by: .seconds(seconds[index]),
                streams: streams,
                sentMessage: answered.contains(index)
            )
        }
    }

    @Test(
        arguments: [
            // With streams: five seconds apart is fine, closer is a strike, and two are forgiven.
            ([0, 5, 10, 15, 20], 1, false, nil),
            ([0, 4, 8, 12], 1, false, 3),
            ([0, 1, 2, 10, 11], 1, false, 4),
            // Without: two hours, unless it is permitted.
            ([0, 30, 60, 90], 0, false, 3),
            ([0, 7_200, 14_400, 21_600], 0, false, nil),
            ([0, 5, 10, 15], 0, true, nil),
        ] as [([Int], Int, Bool, Int?)]
    )
    func pingsAreCounted(_ seconds: [Int], _ streams: Int, _ permit: Bool, _ exceeded: Int?) {
        #expect(self.check(seconds, streams: streams, permit: permit) == exceeded)
    }

    @Test func aMessageClearsStrikes() {
        #expect(self.check([0, 1, 2, 3, 4, 5], streams: 1, answered: [3]) == nil)
        #expect(self.check([0, 1, 2, 3, 4, 5, 6], streams: 1, answered: [3]) == 6)
    }
}
