import LoadGenerator
import Testing

@Suite struct DiskTests {
    private static func use(finished: Double, inFlight: Double) -> Disk.Use {
        var use = Disk.Use()
        use.finished = finished
        use.inFlight = inFlight
        return use
    }

    @Test func countsAreThoseOfTheKernel() throws {
        let line = "    10 1 200 5   70 3 900 40   2 30 45   4 0 8 1   6 9\n"
        let use = try #require(Disk.parse(line))
        #expect(use.writtenBytes == 900 * 512)
        #expect(use.flushes == 6)
        #expect(use.inFlight == 2)
        #expect(use.finished == 10 + 70 + 4 + 6)
    }

    @Test func anOldKernelCountsNoFlushes() throws {
        let use = try #require(Disk.parse("10 1 200 5 70 3 900 40 0 30 45"))
        #expect(use.flushes == 0)
        #expect(use.finished == 80)
    }

    @Test(arguments: ["", "1 2 3"])
    func otherLinesAreNone(line: String) {
        #expect(Disk.parse(line) == nil)
    }

    @Test(arguments: ["/proc", "/no/such/place"])
    func thereIsNoDiskBeneathEverything(folder: String) {
        #expect(Disk(beneath: folder) == nil)
    }

    @Test(
        arguments: [
            // At work on one request from the first look at it to the last.
            ([(5, 1), (5, 1), (5, 1), (6, 0)], 40),
            ([(5, 0), (5, 1), (5, 1), (5, 1), (5, 1)], 60),
            // Two stalls: the longer one.
            ([(5, 1), (5, 1), (6, 1), (6, 1), (6, 2), (6, 2)], 60),
            // Busy, and idle.
            ([(5, 1), (6, 1), (7, 1), (8, 1)], 0),
            ([(5, 0), (5, 0), (5, 0), (5, 0)], 0),
            // Asked anew at each look, for all that can be known.
            ([(5, 0), (5, 1), (5, 0), (5, 1)], 0),
        ] as [([(Double, Double)], Double)]
    )
    func aStallIsTimeWithoutAnythingFinished(looks: [(Double, Double)], milliseconds: Double) {
        var watch = DiskWatch(from: Self.use(finished: 5, inFlight: 0), at: 0)
        for (index, look) in looks.enumerated() {
            watch.look(
                Self.use(finished: look.0, inFlight: look.1),
                at: UInt64(index + 1) * 20_000_000
            )
        }
        #expect(Double(watch.stallMax) / 1e6 == milliseconds)
    }

    @Test func aDiskIsReportedForEachOperation() {
        var first = Disk.Use()
        first.writtenBytes = 1_000
        first.flushes = 10
        var last = first
        last.writtenBytes = 5_000
        last.flushes = 30
        var watch = DiskWatch(from: first, at: 0)
        watch.look(last, at: 1_000_000)
        var metrics = Metrics()
        watch.report(to: &metrics, operations: 40)
        #expect(metrics["disk.written_bytes_per_operation"] == 100)
        #expect(metrics["disk.flushes_per_operation"] == 0.5)
        #expect(metrics["disk.stall_ms"] == 0)
    }
}
