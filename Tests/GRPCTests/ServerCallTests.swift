import GRPC
import Testing

/// Writes down what happens to a stream.
private final class Journal: StreamHandler, @unchecked Sendable {
    // Sendable: a test has one thread.
    var lines: [String] = []
    var onMessage: ((RawSpan) -> Void)?

    func received(_ message: RawSpan) {
        self.lines.append("message \(bytes(message))")
        self.onMessage?(message)
    }
    func halfClosed() { self.lines.append("half-closed") }
    func ended(_ reason: Status) { self.lines.append("ended \(reason.code) \(reason.message)") }
    func drained() { self.lines.append("drained") }
}

/// A message of `byte`s that comes in slices, with pauses.
private final class SlicedSource: MessageSource, @unchecked Sendable {
    // Sendable: a test has one thread.
    private var remaining: Int
    private let slice: Int
    private var pauseNext = false
    private(set) var cancelCount = 0

    init(count: Int, slice: Int) {
        self.remaining = count
        self.slice = slice
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        self.pauseNext.toggle()
        guard self.pauseNext else { return 0 }
        let count = min(self.slice, self.remaining, buffer.count)
        for index in 0..<count { buffer[index] = 9 }
        self.remaining -= count
        return count
    }

    func cancel() { self.cancelCount += 1 }
}

@Suite struct ServerCallTests {
    // MARK: Unary

    @Test func aUnaryCallIsAnsweredWhenItsMessageIsThere() {
        let fixture = CallFixture(
            .unary { request, call in
                call.reply(FramedMessage(reserved: [0, 0, 0, 0, 0] + bytes(request).reversed()))
            }
        )
        fixture.receive(Array(framed([1, 2, 3])[..<6]))
        #expect(!fixture.transport.isOpen)
        fixture.receive(Array(framed([1, 2, 3])[6...]))
        let answer = fixture.transport.take(fixture.call)
        #expect(answer.bytes == framed([3, 2, 1]))
        #expect(answer.status == .ok)
        #expect(fixture.transport.codes == [.ok])
        #expect(!fixture.call.isOpen)
    }

    @Test(
        arguments: [
            ([], "EOF"), ([0, 0], "unexpected EOF"), ([0, 0, 0, 0, 2, 1], "unexpected EOF"),
        ]
            as [([UInt8], String)]
    )
    func aUnaryCallWithoutAMessageIsRefused(_ body: [UInt8], _ message: String) {
        let fixture = CallFixture(.unary { _, _ in Issue.record("there is no message") })
        fixture.receive(body)
        fixture.call.receivedEnd()
        #expect(fixture.transport.refusal == Refusal(status: Status(.unknown, message)))
    }

    @Test func whatFollowsTheMessageOfAUnaryCallIsIgnored() {
        let fixture = CallFixture(
            .unary { request, call in
                #expect(bytes(request) == [1])
                call.fail(Status(.notFound, "x"))
                call.fail(Status(.aborted, "only the first outcome counts"))
            }
        )
        fixture.receive(framed([1]) + framed([2]) + [1, 1, 1])
        fixture.call.receivedEnd()
        #expect(fixture.transport.refusal == Refusal(status: Status(.notFound, "x")))
        #expect(fixture.transport.codes == [.notFound])
    }

    @Test func aMessageOverTheLimitIsRefusedByItsPrefix() {
        let fixture = CallFixture(.unary { _, _ in Issue.record("too large") }, limit: 10)
        fixture.receive([0, 0, 0, 0, 11])
        #expect(
            fixture.transport.refusal?.status
                == Status(.resourceExhausted, "grpc: received message larger than max (11 vs. 10)")
        )
    }

    @Test(
        arguments: [
            (1, "grpc: compressed flag set with identity or empty encoding"),
            (7, "grpc: received unexpected payload format 7"),
        ] as [(UInt8, String)]
    )
    func aFlaggedMessageIsRefused(_ flag: UInt8, _ message: String) {
        let fixture = CallFixture(.unary { _, _ in Issue.record("flagged") })
        fixture.receive([flag, 0, 0, 0, 1, 1])
        #expect(fixture.transport.refusal?.status == Status(.internal, message))
    }

    @Test func aLateReplyGoesNowhere() {
        var reason: Status?
        let fixture = CallFixture(.unary { _, _ in })
        fixture.call.onEnd = { reason = $0 }
        fixture.receive(framed([]))
        fixture.call.end(Status(.canceled, "context canceled"), answering: false)
        #expect(reason == Status(.canceled, "context canceled"))
        fixture.call.reply(FramedMessage(reserved: [0, 0, 0, 0, 0]))
        #expect(!fixture.transport.isOpen)
        #expect(fixture.transport.codes == [.canceled])
    }

    @Test func aDeadlineIsAnswered() {
        var reason: Status?
        let fixture = CallFixture(.unary { _, _ in })
        fixture.call.onEnd = { reason = $0 }
        let late = Status(.deadlineExceeded, "context deadline exceeded")
        fixture.call.end(late, answering: true)
        #expect(reason == late)
        #expect(fixture.transport.refusal == Refusal(status: late))
    }

    // MARK: A message from a source

    @Test(arguments: [1, 7, 100, 16_384])
    func aSourceIsReadThroughPauses(_ step: Int) {
        let source = SlicedSource(count: 1000, slice: 300)
        let fixture = CallFixture(.unary { _, call in call.reply(length: 1000, source: source) })
        fixture.receive(framed([]))
        var body: [UInt8] = []
        var status: Status?
        for _ in 0..<5_000 where status == nil {
            let taken = fixture.transport.take(fixture.call, step: step)
            body += taken.bytes
            status = taken.status
            fixture.call.resume()
        }
        #expect(body == framed([UInt8](repeating: 9, count: 1000)))
        #expect(status == .ok)
        fixture.call.end(Status(.canceled), answering: false)
        #expect(source.cancelCount == 0)
    }

    @Test func aSourceIsCancelledWhenTheCallGoes() {
        let source = SlicedSource(count: 1000, slice: 300)
        let fixture = CallFixture(.unary { _, call in call.reply(length: 1000, source: source) })
        fixture.receive(framed([]))
        var buffer = [UInt8](repeating: 0, count: 100)
        _ = buffer.withUnsafeMutableBytes { fixture.call.read(into: $0) }
        fixture.call.end(Status(.canceled), answering: false)
        #expect(source.cancelCount == 1)
        fixture.call.resume()
        #expect(fixture.transport.resumeCount == 0)
    }

    // MARK: Streams

    @Test func aStreamHearsMessagesAndHalfClose() {
        let journal = Journal()
        let fixture = CallFixture(.streaming { _ in journal })
        fixture.receive(framed([1]) + framed([]) + Array(framed([2])[..<3]))
        fixture.receive(Array(framed([2])[3...]))
        fixture.call.receivedEnd()
        #expect(journal.lines == ["message [1]", "message []", "message [2]", "half-closed"])
        #expect(fixture.call.isOpen)
        fixture.call.send(FramedMessage(reserved: [0, 0, 0, 0, 0, 5]))
        fixture.call.finish(Status(.unavailable, "bye"))
        let answer = fixture.transport.take(fixture.call)
        #expect(answer.bytes == framed([5]))
        #expect(answer.status == Status(.unavailable, "bye"))
        #expect(journal.lines.count == 4)
        #expect(fixture.transport.messages == (3, 1))
    }

    @Test(arguments: [
        ([1, 0, 0, 0, 0] as [UInt8], Status.Code.internal),
        ([0, 0, 0, 0, 11], .resourceExhausted),
    ])
    func aStreamsHandlerHearsThatItsInputIsBroken(_ bytes: [UInt8], _ code: Status.Code) {
        let journal = Journal()
        let fixture = CallFixture(.streaming { _ in journal }, limit: 10)
        var reason: Status?
        fixture.call.onEnd = { reason = $0 }
        fixture.receive(bytes)
        #expect(!fixture.call.isOpen)
        #expect(fixture.transport.codes == [code])
        #expect(reason?.code == code)
        #expect(journal.lines.count == 1)
        #expect(journal.lines.first?.hasPrefix("ended") == true)
    }

    @Test func aStreamIsResumedWhenThereIsSomethingToSend() {
        let fixture = CallFixture(.streaming { _ in Journal() })
        fixture.call.send(FramedMessage(reserved: [0, 0, 0, 0, 0, 1]))
        #expect(fixture.transport.isOpen)
        #expect(fixture.transport.resumeCount == 0)
        #expect(fixture.transport.take(fixture.call).status == nil)
        fixture.call.send(FramedMessage(reserved: [0, 0, 0, 0, 0, 2]))
        fixture.call.send(FramedMessage(reserved: [0, 0, 0, 0, 0, 3]))
        #expect(fixture.transport.resumeCount == 1)
        #expect(fixture.transport.take(fixture.call).bytes == framed([2]) + framed([3]))
    }

    @Test func aHandlerMayEndItsStreamWithinAMessage() {
        let journal = Journal()
        let fixture = CallFixture(.streaming { _ in journal })
        journal.onMessage = { _ in fixture.call.finish(.ok) }
        fixture.receive(framed([1]) + framed([2]))
        journal.onMessage = nil
        #expect(journal.lines == ["message [1]"])
        #expect(fixture.transport.refusal == Refusal(status: .ok))
    }

    @Test func aBrokenStreamEndsWithAStatus() {
        let journal = Journal()
        let fixture = CallFixture(.streaming { _ in journal })
        fixture.receive([0, 0, 0])
        fixture.call.receivedEnd()
        #expect(journal.lines == ["ended internal unexpected EOF"])
        #expect(fixture.transport.refusal?.status == Status(.internal, "unexpected EOF"))
    }

    @Test func aStreamHearsThatThereIsRoomAgain() {
        let journal = Journal()
        let fixture = CallFixture(.streaming { _ in journal })
        let count = ServerCall.lowWaterMarkBytes
        fixture.call.send(FramedMessage(reserved: [UInt8](repeating: 0, count: count)))
        #expect(fixture.call.bufferedBytes == count)
        var first = [UInt8](repeating: 0, count: 1)
        _ = first.withUnsafeMutableBytes { fixture.call.read(into: $0) }
        #expect(fixture.call.bufferedBytes == count - 1)
        #expect(journal.lines.isEmpty)
        fixture.call.deliverDrained()
        fixture.call.deliverDrained()
        #expect(journal.lines == ["drained"])
    }

    @Test func aStreamThatIsCutHearsItOnce() {
        let journal = Journal()
        let fixture = CallFixture(.streaming { _ in journal })
        fixture.call.end(Status(.canceled, "context canceled"), answering: false)
        fixture.call.end(Status(.canceled, "context canceled"), answering: false)
        #expect(journal.lines == ["ended canceled context canceled"])
        #expect(fixture.transport.codes == [.canceled])
    }

    @Test func aStoppingServerEndsStreams() {
        let journal = Journal()
        let fixture = CallFixture(.streaming { _ in journal })
        fixture.call.stop(Status(.unavailable, "server stopped"))
        #expect(journal.lines == ["ended unavailable server stopped"])
        #expect(fixture.transport.refusal?.status == Status(.unavailable, "server stopped"))
    }

    @Test func manyMessagesLeaveInOrder() {
        let fixture = CallFixture(.streaming { _ in Journal() })
        var expected: [UInt8] = []
        var taken: [UInt8] = []
        for number in 0..<500 {
            let message = [UInt8](repeating: UInt8(number % 251), count: number % 7)
            fixture.call.send(FramedMessage(reserved: [0, 0, 0, 0, 0] + message))
            expected += framed(message)
            var buffer = [UInt8](repeating: 0, count: 8)
            if case .bytes(let count) = buffer.withUnsafeMutableBytes({
                fixture.call.read(into: $0)
            }) {
                taken += buffer[..<count]
            }
        }
        fixture.call.finish(.ok)
        taken += fixture.transport.take(fixture.call, step: 11).bytes
        #expect(taken == expected)
        #expect(fixture.call.bufferedBytes == 0)
    }
}
