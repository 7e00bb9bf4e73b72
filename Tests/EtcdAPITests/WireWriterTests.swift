import EtcdAPI
import Testing

@Suite struct WireWriterTests {
    /// Each length of a number, at both its ends.
    static let numbers: [UInt64] =
        [0, 1] + (1..<64).flatMap { [UInt64(1) << $0 - 1, UInt64(1) << $0] } + [.max]

    @Test(arguments: numbers)
    func sizesAreThoseOfWhatIsWritten(_ number: UInt64) {
        for field in [1, 15, 16, 64, 2047, 2048, (1 << 29) - 1] {
            var writer = WireWriter(length: 0)
            writer.uint64(number, field: field)
            #expect(writer.bytes.count == WireSize.uint64(number, field: field))
        }
    }

    @Test(arguments: numbers)
    func numbersAreReadBack(_ number: UInt64) throws {
        var writer = WireWriter(length: 11)
        writer.uint64(number, field: 7)
        var reader = WireReader(writer.bytes.span.bytes)
        guard number != 0 else {
            #expect(try reader.nextField() == nil)
            return
        }
        #expect(try reader.nextField() == WireField(number: 7, type: .varint))
        #expect(try reader.uint64() == number)
        #expect(try reader.nextField() == nil)
    }

    @Test(arguments: [0, 1, 127, 128, 16_383, 16_384])
    func bytesHaveTheSizeForetold(_ count: Int) {
        var writer = WireWriter(length: WireSize.bytes(count: count, field: 5))
        writer.bytes([UInt8](repeating: 7, count: count), field: 5)
        #expect(writer.bytes.count == WireSize.bytes(count: count, field: 5))
    }

    @Test func defaultsAreLeftOut() {
        var writer = WireWriter(length: 0)
        writer.uint64(0, field: 1)
        writer.int64(0, field: 2)
        writer.bool(false, field: 3)
        writer.bytes([], field: 4)
        writer.string("", field: 5)
        #expect(writer.bytes == [])
    }

    @Test func bytesEqualThoseOfTheGeneratedMessage() {
        var header = EtcdResponseHeader()
        header.clusterID = .max
        header.memberID = 1 << 63
        header.revision = -5
        var message = EtcdStatusResponse()
        message.header = header
        message.version = "3.7.1 \u{e9}"
        message.isLearner = true

        let headerLength =
            WireSize.uint64(.max, field: 1) + WireSize.uint64(1 << 63, field: 2)
            + WireSize.int64(-5, field: 3)
        var writer = WireWriter(length: 64)
        writer.message(length: headerLength, field: 1)
        writer.uint64(.max, field: 1)
        writer.uint64(1 << 63, field: 2)
        writer.int64(-5, field: 3)
        writer.string("3.7.1 \u{e9}", field: 2)
        writer.bool(true, field: 10)
        #expect(writer.bytes == message.encoded())
    }

    @Test(arguments: numbers)
    func numbersTogetherAreTheBytesOfEach(_ number: UInt64) {
        var each = WireWriter(length: 0)
        each.message(length: 300, field: 1)
        each.uint64(number, field: 2)
        each.uint64(0, field: 3)
        each.int64(-1, field: 2048)
        var together = WireWriter(length: 0)
        together.numbers(4) { numbers in
            numbers.message(length: 300, field: 1)
            numbers.uint64(number, field: 2)
            numbers.uint64(0, field: 3)
            numbers.int64(-1, field: 2048)
        }
        #expect(together.bytes == each.bytes)
    }

    @Test func prefixIsReservedInFront() {
        var writer = WireWriter(length: 2, reservingPrefix: 5)
        writer.uint64(3, field: 1)
        #expect(writer.bytes == [0, 0, 0, 0, 0, 0x08, 0x03])

        var message = EtcdCompactionRequest()
        message.revision = 3
        #expect(message.encoded(reservingPrefix: 5) == writer.bytes)
    }
}
