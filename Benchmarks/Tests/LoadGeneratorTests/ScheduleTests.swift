import LoadGenerator
import Testing

@Suite struct ScheduleTests {
    @Test func anOpenLoopKeepsItsTimesHoweverLateItIsAsked() {
        var schedule = Schedule.openLoop(
            perSecond: 1_000,
            .constant,
            start: 5_000_000,
            phase: 0,
            seed: 1
        )
        // A server that stalls does not move what was to be sent meanwhile.
        for number in 0..<5 as Range<UInt64> {
            #expect(schedule.next(900_000_000) == 5_000_000 + number * 1_000_000)
            schedule.advance()
        }
    }

    @Test func aClosedLoopAsksAtOnce() {
        var schedule = Schedule.closedLoop(start: 100)
        #expect(schedule.next(50) == 100)
        schedule.advance()
        #expect(schedule.next(700) == 700)
    }

    @Test func workersShareARateInTurn() {
        let times = (0..<4).flatMap { worker in
            var schedule = Schedule.openLoop(
                perSecond: 250,
                .constant,
                start: 0,
                phase: Double(worker) / 4,
                seed: 1
            )
            return (0..<3).map { _ in
                defer { schedule.advance() }
                return schedule.next(0)
            }
        }.sorted()
        #expect(times == (0..<12).map { $0 * 1_000_000 })
    }

    @Test func poissonArrivalsHaveTheRateAndAreSpread() {
        var schedule = Schedule.openLoop(
            perSecond: 1_000,
            .poisson,
            start: 0,
            phase: 0,
            seed: 42
        )
        var last: UInt64 = 0
        var short = 0
        let count = 20_000
        for _ in 0..<count {
            schedule.advance()
            let next = schedule.next(0)
            if next - last < 1_000_000 { short += 1 }
            last = next
        }
        #expect(abs(Double(last) / 1e9 - 20) < 0.6)
        // Of exponential pauses 63 % are shorter than the mean.
        #expect(abs(Double(short) / Double(count) - 0.632) < 0.02)
    }

    @Test func diceAreFair() {
        var dice = Dice(seed: 3)
        var counts = [Int](repeating: 0, count: 10)
        for _ in 0..<10_000 { counts[dice.below(10)] += 1 }
        #expect(counts.allSatisfy { abs($0 - 1_000) < 150 })
    }
}
