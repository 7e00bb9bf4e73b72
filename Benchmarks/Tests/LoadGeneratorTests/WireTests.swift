import LoadGenerator
import Testing

@Suite struct WireTests {
    @Test(arguments: 1...13)
    func messagesAreTheSameHoweverTheyAreCut(step: Int) {
        let messages: [[UInt8]] = [[1, 2, 3], [], [UInt8](repeating: 9, count: 30), [4]]
        var stream: [UInt8] = []
        for message in messages { stream += [0, 0, 0, 0, UInt8(message.count)] + message }
        var deframer = Deframer()
        var found: [[UInt8]] = []
        var rest = stream[...]
        while !rest.isEmpty {
            Array(rest.prefix(step)).withUnsafeBytes { bytes in
                deframer.feed(bytes) { found.append([UInt8]($0)) }
            }
            rest = rest.dropFirst(step)
        }
        #expect(found == messages)
        #expect(deframer.isEmpty)
    }

    @Test func aPageTellsWhereToGoOn() {
        // Header of revision 7; two keys, the second of revision 5; more; 40 keys in all.
        let bytes = hex("0a021807" + "12050a01611803" + "12050a01621805" + "1801" + "2028")
        let page = bytes.withUnsafeBytes { Answers.range($0) }
        #expect(page.revision == 7)
        #expect(page.keys == 2)
        #expect(page.lastKey == [0x62])
        #expect(page.modRevision == 5)
        #expect(page.more)
        #expect(page.count == 40)
    }

    @Test func aTransactionTellsItsKeysRevision() {
        let done = hex("0a021809" + "1001")
        #expect(done.withUnsafeBytes { Answers.txn($0).succeeded })
        #expect(done.withUnsafeBytes { Answers.txn($0).revision } == 9)
        // It failed, and its Range found the key at revision 5.
        let failed = hex("0a021809" + "1a09" + "0a07" + "12050a01621805")
        #expect(!failed.withUnsafeBytes { Answers.txn($0).succeeded })
        #expect(failed.withUnsafeBytes { Answers.txn($0).revision } == 5)
    }

    @Test func aWatchTellsItsEvents() {
        // Created, then an event of a value of two bytes.
        let bytes = hex("0a021809" + "2001" + "5a09" + "1207" + "0a01612a020102")
        var values: [[UInt8]] = []
        let watched = bytes.withUnsafeBytes { bytes in
            Answers.watch(bytes) { values.append([UInt8]($0)) }
        }
        #expect(watched.isCanceled)
        #expect(!watched.isCreated)
        #expect(watched.events == 1)
        #expect(values == [[1, 2]])
    }

    @Test(
        arguments: [
            (0, 1), (127, 1), (128, 2), (16_383, 2), (16_384, 3), (UInt64.max, 10),
        ] as [(UInt64, Int)]
    )
    func lengthsOfVarintsAreRight(number: UInt64, length: Int) {
        #expect(MessageWriter.varintBytes(number) == length)
        var writer = MessageWriter()
        writer.varint(number)
        #expect(writer.finish().count == length)
    }

    @Test(
        arguments: [
            ([0x61], [0x62]), ([0x61, 0x2f], [0x61, 0x30]), ([1, 255], [2]), ([255], [0]),
        ] as [([UInt8], [UInt8])]
    )
    func aPrefixEndsWhereTheNextBegins(prefix: [UInt8], end: [UInt8]) {
        #expect(Keys.end(of: prefix) == end)
    }

    @Test func keysAreNumbered() {
        let keys = Keys(prefix: "/k/", count: 5)
        #expect(keys.key(0) == Array("/k/000000000".utf8))
        #expect(keys.key(1_234) == Array("/k/000001234".utf8))
    }
}
