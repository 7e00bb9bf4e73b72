import GRPC
import Synchronization
import Testing

@testable import Transport

/// Turns that leave a loop its sockets.
@Suite struct PollTurnsTests {
    /// More turns than pass while a client connects and asks, by far.
    private static let turnsMax = 3_000_000

    @Test func whoeverAsksForTurnAfterTurnLeavesTheLoopItsSockets() async throws {
        let turns = PollTurns()
        let count = Atomic<Int>(0)
        try await withServer(configure: { $0.loopCount = 1 }) { server in
            let loop = server.loops[0].eventLoop
            try await turns.open(on: loop) {
                if count.add(1, ordering: .relaxed).newValue < Self.turnsMax { turns.ask() }
            }
            server.loops[0].handle.execute { turns.ask() }
            let address = server.addresses[0]
            let answer = try await blocking {
                try Client(to: address).unary(TestService.echo, [1, 2, 3]).messages
            }
            #expect(answer == [[1, 2, 3]])
            #expect((1..<Self.turnsMax).contains(count.load(ordering: .relaxed)))
            count.store(Self.turnsMax, ordering: .relaxed)
        }
    }

    @Test func whatIsAskedTwiceBeforeThePollRunsOnce() async throws {
        let turns = PollTurns()
        let (ran, run) = AsyncStream<Int>.makeStream()
        let count = Atomic<Int>(0)
        try await withServer { server in
            let loop = server.loops[0].eventLoop
            try await turns.open(on: loop) {
                run.yield(count.add(1, ordering: .relaxed).newValue)
            }
            var turn = ran.makeAsyncIterator()
            for expected in 1...3 {
                server.loops[0].handle.execute {
                    turns.ask()
                    turns.ask()
                }
                #expect(await turn.next() == expected)
            }
        }
    }

    @Test func whoeverAsksMeanwhileHasOneTurnAllTheSame() async throws {
        try await withServer(configure: { $0.loopCount = 1 }) { server in
            let loop = server.loops[0]
            let most = Atomic<Int>(0)
            let isOver = Atomic<Bool>(false)
            let address = server.addresses[0]
            // Looks between any two turns, and keeps the pause on.
            let turns = PollTurns()
            try await turns.open(on: loop.eventLoop) {
                loop.server.asked(at: loop.now)
                most.max(loop.waiting.count, ordering: .relaxed)
                if !isOver.load(ordering: .relaxed) { turns.ask() }
            }
            loop.handle.execute { turns.ask() }
            try await blocking {
                let client = try Client(to: address)
                let large = try client.start(TestService.large)
                large.dropsMessages = true
                client.send([0x01, 0x80, 0, 0], on: large, isLast: true)
                while !large.isOver { _ = try client.unary(TestService.echo, [1]) }
            }
            isOver.store(true, ordering: .relaxed)
            #expect(most.load(ordering: .relaxed) == 1)
        }
    }
}
