import ByreTestKit
import Engine
import Synchronization
import Testing

@Suite struct MailboxTests {
    @Test func elementsComeInOrderAndMoreThanTheCapacityIsRefused() {
        let mailbox = Mailbox<Int>(capacity: 3)
        #expect((1...4).map { mailbox.push($0) } == [.pushed, .pushed, .pushed, .full])
        #expect(mailbox.takeFirst() == 1)
        #expect(mailbox.push(5) == .pushed)
        #expect(mailbox.takeFirstIfAny() == 2)
        #expect((0..<3).map { _ in mailbox.takeFirstIfAny() } == [3, 5, nil])
    }

    @Test func aFullMailboxIsWaitedFor() throws {
        let mailbox = Mailbox<Int>(capacity: 2)
        let pushed = Signal()
        let pusher = WorkerThread(name: "pusher") {
            for element in 0..<1_000 { mailbox.pushWaiting(element) }
            pushed.send()
        }
        #expect((0..<1_000).map { _ in mailbox.takeFirst() } == Array(0..<1_000))
        try pushed.wait(for: "the pusher")
        pusher.join()
    }

    @Test func severalAreTakenAtOnceAndAWaitEnds() {
        let mailbox = Mailbox<Int>(capacity: 5)
        // The deadline is long past.
        #expect(mailbox.take(countMax: 2, until: 0) == [])
        for element in 1...3 { _ = mailbox.push(element) }
        #expect(mailbox.take(countMax: 2, until: 0) == [1, 2])
        mailbox.close()
        #expect(mailbox.take(countMax: 2, until: .max) == [3])
        #expect(mailbox.take(countMax: 2, until: .max) == nil)
    }

    /// However its elements are taken.
    @Test func whoWaitsForRoomGetsIt() throws {
        let mailbox = Mailbox<Int>(capacity: 1)
        _ = mailbox.push(0)
        let pushed = Signal()
        let pusher = WorkerThread(name: "pusher") {
            mailbox.pushWaiting(1)
            mailbox.pushWaiting(2)
            pushed.send()
        }
        var taken: [Int] = []
        while taken.count < 2 {
            if let next = mailbox.takeFirstIfAny() { taken.append(next) }
        }
        taken += mailbox.take(countMax: 1, until: .max) ?? []
        #expect(taken == [0, 1, 2])
        try pushed.wait(for: "the pusher")
        pusher.join()
    }

    @Test func whatIsInsideWhenItClosesIsStillTaken() {
        let mailbox = Mailbox<Int>(capacity: 3)
        _ = mailbox.push(1)
        _ = mailbox.push(2)
        mailbox.close()
        #expect(mailbox.push(3) == .closed)
        #expect(mailbox.takeFirst() == 1)
        #expect(mailbox.takeFirst() == 2)
        #expect(mailbox.takeFirst() == nil)
    }

    @Test func everyElementReachesOneTaker() {
        let mailbox = Mailbox<Int>(capacity: 10_000)
        let results = TakenElements()
        let takers = (0..<4).map { number in
            WorkerThread(name: "taker-\(number)") {
                while let element = mailbox.takeFirst() { results.append(element) }
            }
        }
        for element in 0..<5_000 { #expect(mailbox.push(element) == .pushed) }
        mailbox.close()
        for taker in takers { taker.join() }
        #expect(results.all.sorted() == Array(0..<5_000))
    }

    private final class TakenElements: Sendable {
        private let elements = Mutex<[Int]>([])

        var all: [Int] { self.elements.withLock { $0 } }

        func append(_ element: Int) { self.elements.withLock { $0.append(element) } }
    }
}
