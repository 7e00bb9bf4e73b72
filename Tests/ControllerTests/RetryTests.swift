import Dispatch
import Controller
import Testing

@Suite
struct RetryTests {
    @Test
    func pausesDoubleUpToABoundAndAreHalfRandom() {
        for (failures, random, expected) in [
            (1, 0, 250), (1, 1, 500), (2, 1, 1_000), (3, 1, 2_000), (4, 0, 2_000),
            (40, 1, 10_000), (1_000_000, 0, 5_000),
        ] as [(Int, Double, Int)] {
            let backoff = Backoff(first: .milliseconds(500), bound: .seconds(10))
            let pause = backoff.pause(afterFailures: failures, random: random)
            #expect(pause == .milliseconds(expected))
        }
    }

    @Test
    func newsThatComeBeforeTheWaitAreNotLost() {
        let wakeup = Wakeup()
        wakeup.wake(DeclarationKey("a"))
        wakeup.wake(DeclarationKey("b"))
        #expect(
            wakeup.wait(until: .distantFuture).keys == [DeclarationKey("a"), DeclarationKey("b")]
        )
        wakeup.wake()
        #expect(wakeup.wait(until: .distantFuture).all)
        #expect(wakeup.wait(until: .now()).isEmpty)
        wakeup.stop()
        #expect(wakeup.wait(until: .distantFuture).isEmpty)
        #expect(wakeup.isStopping)
    }
}
