import GRPC
import Testing

@Suite struct MessageDeframerTests {
    /// Cuts pieces into messages, until the first step that is neither.
    private func cut(_ pieces: [[UInt8]], limit: Int = 1 << 20) -> [String] {
        var deframer = MessageDeframer()
        var found: [String] = []
        for piece in pieces {
            let isDone = piece.withUnsafeBytes { bytes in
                var rest = bytes
                while true {
                    switch deframer.next(from: &rest, limit: limit) {
                    case .needsMore: return false
                    case .message(let bytes): found.append("\(Array(bytes))")
                    case .gathered(let bytes): found.append("\(bytes)")
                    case .flagged(let flag):
                        found.append("flag \(flag)")
                        return true
                    case .tooLarge(let count):
                        found.append("too large \(count)")
                        return true
                    }
                }
            }
            if isDone { break }
        }
        return found
    }

    @Test func messagesAreTheSameHoweverTheyAreSplit() {
        let messages: [[UInt8]] = [[], [1], [2, 3, 4, 5, 6, 7], [], [8, 9]]
        let stream = messages.flatMap { framed($0) }
        let expected = messages.map { "\($0)" }
        for first in 0...stream.count {
            for second in first...stream.count {
                let pieces = [
                    Array(stream[..<first]), Array(stream[first..<second]),
                    Array(stream[second...]),
                ]
                #expect(self.cut(pieces) == expected, "split at \(first) and \(second)")
            }
        }
    }

    @Test func oneByteAtATimeIsEnough() {
        let stream = framed([1, 2, 3]) + framed([4])
        #expect(self.cut(stream.map { [$0] }) == ["[1, 2, 3]", "[4]"])
    }

    @Test func aWholeMessageIsNotCopied() {
        let stream = framed([1, 2, 3])
        stream.withUnsafeBytes { bytes in
            var deframer = MessageDeframer()
            var rest = bytes
            guard case .message(let message) = deframer.next(from: &rest, limit: 10) else {
                Issue.record("the message lies whole in the piece")
                return
            }
            #expect(message.baseAddress == bytes.baseAddress.map { $0 + 5 })
        }
    }

    @Test func thePrefixAloneTellsThatAMessageIsTooLarge() {
        #expect(self.cut([[0, 0, 0, 1, 1]], limit: 256) == ["too large 257"])
        #expect(self.cut([[0, 0xff, 0xff, 0xff, 0xff]]) == ["too large 4294967295"])
        #expect(self.cut([framed([1, 2])], limit: 2) == ["[1, 2]"])
    }

    @Test func aFlagEndsTheStream() {
        #expect(self.cut([framed([7]) + [1, 0, 0, 0, 0] + framed([8])]) == ["[7]", "flag 1"])
        #expect(self.cut([[200, 0, 0, 0, 0]]) == ["flag 200"])
    }

    @Test func aPrefixReservesLittle() {
        var deframer = MessageDeframer()
        let prefix: [UInt8] = [0, 0x7f, 0xff, 0xff, 0xff, 1]
        prefix.withUnsafeBytes { bytes in
            var rest = bytes
            _ = deframer.next(from: &rest, limit: .max)
        }
        #expect(deframer.gatheredCount == 1)
        #expect(deframer.isInsideMessage)
    }
}
