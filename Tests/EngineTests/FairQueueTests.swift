import ByreTestKit
import Engine
import Synchronization
import Testing

/// Lanes, their turns, their bounds.
@Suite struct FairQueueTests {
    typealias Queue = FairQueue<Item>

    /// The `number`th element of a lane.
    struct Item: Hashable, Sendable {
        var lane: Int
        var number: Int
    }

    private static let wide = Queue.Bounds(
        count: .max,
        cost: .max,
        laneCount: .max,
        laneCost: .max
    )

    /// A queue and its lanes, without threads.
    private final class World {
        let queue: Queue
        let lanes: [Queue.Lane]
        private var pushed: [Int]

        init(lanes: Int, _ bounds: Queue.Bounds = FairQueueTests.wide) {
            self.queue = Queue(bounds)
            self.lanes = (0..<lanes).map { _ in Queue.Lane() }
            self.pushed = [Int](repeating: 0, count: lanes)
        }

        @discardableResult
        func push(_ lane: Int, cost: Int) -> Queue.PushResult {
            let item = Item(lane: lane, number: self.pushed[lane])
            let result = self.queue.push(item, cost: cost, to: self.lanes[lane])
            if result == .pushed { self.pushed[lane] += 1 }
            return result
        }

        func push(_ lane: Int, cost: Int, count: Int) {
            for _ in 0..<count { self.push(lane, cost: cost) }
        }

        /// Of which lanes the elements of the next portion are.
        func take(alone: Int, shared: Int, besideShort: Int = .max) -> [Int] {
            let portion = Queue.Portion(alone: alone, shared: shared, besideShort: besideShort)
            return (self.queue.take(portion, until: 1) ?? []).map(\.lane)
        }
    }

    // MARK: One lane

    @Test func oneLaneIsAQueue() {
        let world = World(lanes: 1)
        world.push(0, cost: 10, count: 5)
        let portion = Queue.Portion(alone: 30, shared: 10, besideShort: .max)
        #expect(world.queue.take(portion, until: 1)?.map(\.number) == [0, 1, 2])
        #expect(world.queue.take(portion, until: 1)?.map(\.number) == [3, 4])
        #expect(world.queue.take(portion, until: 1) == [])
    }

    @Test func anElementThatIsDearerThanAPortionIsTakenAlone() {
        let world = World(lanes: 1)
        world.push(0, cost: 1_000)
        world.push(0, cost: 1)
        #expect(world.take(alone: 30, shared: 10) == [0])
        #expect(world.take(alone: 30, shared: 10) == [0])
    }

    @Test(arguments: [
        (Queue.Bounds(count: 3, cost: .max, laneCount: .max, laneCost: .max), [3, 0]),
        (Queue.Bounds(count: .max, cost: 21, laneCount: .max, laneCost: .max), [3, 0]),
        (Queue.Bounds(count: .max, cost: .max, laneCount: 3, laneCost: .max), [3, 3]),
        (Queue.Bounds(count: .max, cost: .max, laneCount: .max, laneCost: 20), [2, 2]),
        (Queue.Bounds(count: 5, cost: .max, laneCount: 3, laneCost: .max), [3, 2]),
    ])
    func moreThanABoundIsRefused(bounds: Queue.Bounds, accepted: [Int]) {
        let world = World(lanes: 2, bounds)
        for (lane, count) in accepted.enumerated() {
            let results = (1...5).map { _ in world.push(lane, cost: 10) }
            #expect(results.count { $0 == .pushed } == count, "lane \(lane)")
            #expect(results.count { $0 == .full } == 5 - count, "lane \(lane)")
        }
        // What is taken makes room.
        #expect(world.take(alone: 1_000, shared: 1_000).count == accepted.reduce(0, +))
        #expect(world.push(1, cost: 10) == .pushed)
    }

    // MARK: Several lanes

    @Test func aLoneElementIsInTheNextPortionHoweverMuchAFloodHasWaiting() {
        let world = World(lanes: 2)
        world.push(0, cost: 10, count: 1_000)
        _ = world.take(alone: 200, shared: 100)
        world.push(1, cost: 10)
        let portion = world.take(alone: 200, shared: 100)
        #expect(portion.contains(1))
        #expect(portion.count <= 11)
    }

    @Test func aFloodGetsShortPortionsForAWhileAfterANeighbourCame() {
        let world = World(lanes: 2)
        world.push(0, cost: 10, count: 10_000)
        #expect(world.take(alone: 200, shared: 100).count == 20)
        world.push(1, cost: 10)
        #expect(world.take(alone: 200, shared: 100).count <= 11)
        for _ in 0..<63 { #expect(world.take(alone: 200, shared: 100).count == 10) }
        #expect(world.take(alone: 200, shared: 100).count == 20)
    }

    @Test func lanesShareByCostNotByCount() {
        let world = World(lanes: 3)
        world.push(0, cost: 10, count: 3_000)
        world.push(1, cost: 100, count: 3_000)
        world.push(2, cost: 730, count: 3_000)
        var costs = [0, 0, 0]
        for _ in 0..<60 {
            for lane in world.take(alone: 1_000, shared: 1_000) {
                costs[lane] += [10, 100, 730][lane]
            }
        }
        // Each within what it is granted in a round and one element of the others.
        #expect((costs.max() ?? 0) - (costs.min() ?? 0) <= 333 + 730, "\(costs)")
        #expect((costs.min() ?? 0) > 18_000, "\(costs)")
    }

    // MARK: Short lanes beside long ones

    @Test func aFloodGetsLittleBesideALaneThatIsShort() {
        let world = World(lanes: 2)
        world.push(0, cost: 1_000, count: 1_000)
        world.push(1, cost: 1_000)
        let portion = world.take(alone: 500_000, shared: 100_000, besideShort: 6_000)
        #expect(portion.count { $0 == 0 } == 6)
        #expect(portion.count { $0 == 1 } == 1)
    }

    @Test func aFloodGetsMoreAgainAFewPortionsAfterTheShortLaneWasEmpty() {
        let world = World(lanes: 2)
        world.push(0, cost: 1_000, count: 1_000)
        world.push(1, cost: 1_000)
        let counts = (0..<9).map { _ in
            world.take(alone: 500_000, shared: 100_000, besideShort: 6_000).count
        }
        #expect(counts == [7, 6, 6, 6, 6, 6, 6, 6, 100])
    }

    @Test func longLanesThatAreAmongThemselvesShareTheWholePortion() {
        let world = World(lanes: 2)
        world.push(0, cost: 1_000, count: 1_000)
        world.push(1, cost: 1_000, count: 1_000)
        let portion = world.take(alone: 500_000, shared: 100_000, besideShort: 6_000)
        #expect(portion.count { $0 == 0 } == 50)
        #expect(portion.count { $0 == 1 } == 50)
    }

    @Test func shortLanesAreAllServedInOnePortionAndEachLongOneHasItsShare() {
        let world = World(lanes: 60)
        for lane in 0..<40 { world.push(lane, cost: 2_000, count: 1 + lane % 4) }
        for lane in 40..<60 { world.push(lane, cost: 2_000, count: 300) }
        let short = (0..<40).reduce(0) { $0 + 1 + $1 % 4 }
        let portion = world.take(alone: 1_000_000, shared: 600_000, besideShort: 6_000)
        #expect(portion.count { $0 < 40 } == short)
        for lane in 40..<60 { #expect(portion.count { $0 == lane } == 1, "lane \(lane)") }
    }

    @Test func aLargeElementOfAShortLaneDoesNotWaitForTheFloodsShare() {
        let world = World(lanes: 2)
        world.push(0, cost: 1_000, count: 1_000)
        world.push(1, cost: 100_000)
        let portions = (0..<2).map { _ in
            world.take(alone: 500_000, shared: 128_000, besideShort: 6_000)
        }
        #expect(portions[1].contains(1))
    }

    @Test func oneByOneLanesTakeTurnsByCost() {
        let world = World(lanes: 2)
        world.push(0, cost: 100, count: 100)
        world.push(1, cost: 25, count: 100)
        let lanes = (0..<50).compactMap { _ in world.queue.takeFirst(grant: 100)?.lane }
        let first = lanes.count { $0 == 0 }
        #expect((9...11).contains(first), "\(lanes)")
    }

    /// Random pushes and portions: nothing is lost or overtaken within a lane, the bounds hold, and
    /// every lane that waits is served in each round that has room for it.
    @Test(arguments: 0..<40 as Range<UInt64>)
    func randomLanes(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let laneCount = Int.random(in: 1...12, using: &random)
        let world = World(lanes: laneCount)
        let costMax = Int.random(in: 1...200, using: &random)
        let portion = Queue.Portion(
            alone: Int.random(in: 1...2_000, using: &random),
            shared: Int.random(in: 1...500, using: &random),
            besideShort: Int.random(in: 1...500, using: &random)
        )
        var waiting = [[Int]](repeating: [], count: laneCount)
        var next = [Int](repeating: 0, count: laneCount)
        var portionsWithout = [Int](repeating: 0, count: laneCount)
        for _ in 0..<300 {
            for _ in 0..<Int.random(in: 0...30, using: &random) {
                // The first lane floods.
                let lane =
                    Bool.random(using: &random) ? 0 : Int.random(in: 0..<laneCount, using: &random)
                let cost = Int.random(in: 1...costMax, using: &random)
                #expect(world.push(lane, cost: cost) == .pushed)
                waiting[lane].append(cost)
            }
            let before = waiting
            var spent = 0
            for item in try #require(world.queue.take(portion, until: 1)) {
                #expect(item.number == next[item.lane])
                next[item.lane] += 1
                spent += waiting[item.lane].removeFirst()
                portionsWithout[item.lane] = -1
            }
            #expect(spent < portion.max + costMax)
            let lanesWaiting = before.count { !$0.isEmpty }
            let grant = max(min(portion.shared, portion.besideShort) / max(lanesWaiting, 1), 1)
            for lane in 0..<laneCount {
                portionsWithout[lane] = waiting[lane].isEmpty ? 0 : portionsWithout[lane] + 1
                // Rounds until the dearest element is affordable, for all lanes before.
                let bound = (costMax / grant + 2) * (laneCount * costMax / portion.max + 2)
                #expect(portionsWithout[lane] <= bound)
            }
        }
        world.queue.close()
        while let rest = world.queue.take(portion, until: .max) {
            for item in rest {
                #expect(item.number == next[item.lane])
                next[item.lane] += 1
                waiting[item.lane].removeFirst()
            }
        }
        #expect(waiting.flatMap(\.self).isEmpty)
    }

    // MARK: The end, and threads

    @Test func whatIsInsideWhenItClosesIsStillTaken() {
        let world = World(lanes: 2)
        world.push(0, cost: 1, count: 2)
        world.push(1, cost: 1)
        world.queue.close()
        #expect(world.push(0, cost: 1) == .closed)
        #expect(world.queue.takeFirst(grant: 1)?.lane == 0)
        #expect(world.take(alone: 100, shared: 100).sorted() == [0, 1])
        #expect(
            world.queue.take(Queue.Portion(alone: 1, shared: 1, besideShort: 1), until: .max) == nil
        )
        #expect(world.queue.takeFirst(grant: 1) == nil)
    }

    @Test func everyElementReachesOneTaker() {
        let queue = FairQueue<Int>(
            FairQueue.Bounds(count: .max, cost: .max, laneCount: .max, laneCost: .max)
        )
        let lanes = (0..<3).map { _ in FairQueue<Int>.Lane() }
        let taken = Mutex<[Int]>([])
        let takers = (0..<4).map { number in
            WorkerThread(name: "taker-\(number)") {
                let portion = FairQueue<Int>.Portion(alone: 7, shared: 5, besideShort: 3)
                if number < 2 {
                    while let element = queue.takeFirst(grant: 1) {
                        taken.withLock { $0.append(element) }
                    }
                } else {
                    while let elements = queue.take(portion, until: .max) {
                        taken.withLock { $0 += elements }
                    }
                }
            }
        }
        for element in 0..<5_000 {
            #expect(queue.push(element, cost: 1 + element % 3, to: lanes[element % 3]) == .pushed)
        }
        queue.close()
        for taker in takers { taker.join() }
        #expect(taken.withLock { $0.sorted() } == Array(0..<5_000))
    }
}
