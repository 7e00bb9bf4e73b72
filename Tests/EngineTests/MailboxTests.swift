import Engine
import Synchronization
import Testing

@Suite struct MailboxTests {
    @Test func elementsComeInOrderAndMoreThanTheCapacityIsRefused() {
        let mailbox = Mailbox<Int>(capacity: 3)
        #expect((1...4).map { mailbox.push($0) } == [.pushed, .pushed, .pushed, .full])
        #expect(mailbox.takeFirst() == 1)
        #expect(mailbox.push(5) == .pushed)
        #expect(mailbox.takeAll(until: .max) == [2, 3, 5])
        #expect((6...9).map { mailbox.push($0) } == [.pushed, .pushed, .pushed, .full])
    }

    @Test func aDeadlineThatIsPastYieldsNothing() {
        let mailbox = Mailbox<Int>(capacity: 3)
        #expect(mailbox.takeAll(until: 1) == [])
        _ = mailbox.push(1)
        #expect(mailbox.takeAll(until: 1) == [1])
    }

    @Test func whatIsInsideWhenItClosesIsStillTaken() {
        let mailbox = Mailbox<Int>(capacity: 3)
        _ = mailbox.push(1)
        _ = mailbox.push(2)
        mailbox.close()
        #expect(mailbox.push(3) == .closed)
        #expect(mailbox.takeFirst() == 1)
        #expect(mailbox.takeAll(until: .max) == [2])
        #expect(mailbox.takeAll(until: .max) == nil)
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
