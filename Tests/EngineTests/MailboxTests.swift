import ByreTestKit
import Engine
import Synchronization
import Testing

@Suite struct MailboxTests {
    @Test func elementsComeInOrder() {
        let mailbox = Mailbox<Int>(capacity: 3)
        for element in 1...3 { #expect(mailbox.push(element)) }
        #expect(mailbox.takeFirst() == 1)
        #expect(mailbox.push(4))
        #expect((0..<3).map { _ in mailbox.takeFirst() } == [2, 3, 4])
    }

    @Test func aFullMailboxIsWaitedFor() throws {
        let mailbox = Mailbox<Int>(capacity: 2)
        let pushed = Signal()
        let pusher = WorkerThread(name: "pusher") {
            for element in 0..<1_000 { mailbox.push(element) }
            pushed.send()
        }
        #expect((0..<1_000).map { _ in mailbox.takeFirst() } == Array(0..<1_000))
        try pushed.wait(for: "the pusher")
        pusher.join()
    }

    @Test func whatIsInsideWhenItClosesIsStillTaken() {
        let mailbox = Mailbox<Int>(capacity: 3)
        mailbox.push(1)
        mailbox.push(2)
        mailbox.close()
        #expect(!mailbox.push(3))
        #expect(mailbox.takeFirst() == 1)
        #expect(mailbox.takeFirst() == 2)
        #expect(mailbox.takeFirst() == nil)
    }

    @Test func everyElementReachesOneTaker() {
        let mailbox = Mailbox<Int>(capacity: 100)
        let results = TakenElements()
        let takers = (0..<4).map { number in
            WorkerThread(name: "taker-\(number)") {
                while let element = mailbox.takeFirst() { results.append(element) }
            }
        }
        for element in 0..<5_000 { mailbox.push(element) }
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
