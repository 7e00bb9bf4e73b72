import Testing

@testable import Transport

/// When a loop stays awake for the next request.
@Suite struct PollWindowTests {
    /// A window that has seen `count` inputs, each worked off at once and `gap` nanoseconds apart.
    private func seen(_ count: Int, gap: UInt64) -> (window: PollWindow, now: UInt64) {
        var window = PollWindow()
        var now: UInt64 = 1_000_000_000
        window.settled(at: now)
        for _ in 0..<count {
            now += gap
            window.received(at: now)
            window.settled(at: now)
        }
        return (window, now)
    }

    @Test(
        arguments: [
            (0, 1_000, false), (PollWindow.rowMin - 1, 1_000, false),
            (PollWindow.rowMin, 1_000, true),
            (PollWindow.rowMin * 9, 1_000, true),
            (PollWindow.rowMin, PollWindow.window, true),
            (PollWindow.rowMin * 9, PollWindow.window + 1, false),
        ] as [(Int, UInt64, Bool)]
    )
    func aRowOfInputsThatCameSoonKeepsTheLoopAwake(count: Int, gap: UInt64, lingers: Bool) {
        let (window, now) = self.seen(count, gap: gap)
        #expect(window.lingers(at: now) == lingers)
    }

    @Test func theLoopSleepsWhenTheWindowIsOver() {
        let (window, now) = self.seen(PollWindow.rowMin, gap: 1_000)
        #expect(window.lingers(at: now + PollWindow.window))
        #expect(!window.lingers(at: now + PollWindow.window + 1))
    }

    @Test func afterOneLateInputAWholeRowIsNeededAgain() {
        var (window, now) = self.seen(PollWindow.rowMin * 2, gap: 1_000)
        now += PollWindow.window + 1
        window.received(at: now)
        window.settled(at: now)
        for _ in 0..<PollWindow.rowMin {
            #expect(!window.lingers(at: now))
            now += 1_000
            window.received(at: now)
            window.settled(at: now)
        }
        #expect(window.lingers(at: now))
    }
}
