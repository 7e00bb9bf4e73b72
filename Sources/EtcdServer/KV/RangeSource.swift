import ByreCore
import EtcdAPI
import Engine
import GRPC

/// The message of a long range answer, made as the client takes it: a slice of pairs at a time, whose
/// values come from memory or from a reader thread.
///
/// Holds one slice: at most ``sliceBytesMax`` bytes and one pair more; and of a page the keys.
final class RangeSource: MessageSource {
    /// Bytes of keys and values after which a slice is full.
    static let sliceBytesMax = 256 << 10
    static let slicePairsMax = 1_024
    private let prepared: PreparedRange
    private let store: Store
    private let tenant: TenantStore
    private let call: ServerCall

    /// The pairs of a page that are not in a slice yet.
    private var page: ArraySlice<KeyValue>?
    private var position = RangeRead.Position()
    private var phase = Phase.header
    /// What is being sent: stretches of `text`, each followed by a value.
    private var text: [UInt8] = []
    private var stretchEnds: [Int] = []
    private var values: [Bytes] = []
    /// Pieces sent: even ones are stretches of text, odd ones values.
    private var piece = 0
    private var pieceOffset = 0

    private enum Phase {
        case header
        case pairs
        /// A reader thread loads values.
        case loading
        case end
        case done
        case cancelled
    }

    init(_ prepared: PreparedRange, store: Store, tenant: TenantStore, _ call: ServerCall) {
        var prepared = prepared
        self.page = prepared.takePage()?[...]
        self.prepared = prepared
        self.store = store
        self.tenant = tenant
        self.call = call
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        var written = 0
        while written < buffer.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[written...])
            let count = self.copyPieces(into: rest)
            written += count
            if count == 0, !self.advance() { break }
        }
        return written
    }

    func cancel() {
        self.phase = .cancelled
        self.page = nil
        self.clear()
    }

    /// Copies what is left of the slice.
    private func copyPieces(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        var written = 0
        while written < buffer.count, self.piece < self.stretchEnds.count + self.values.count {
            let number = self.piece / 2
            let isText = self.piece.isMultiple(of: 2)
            let start = isText ? (number == 0 ? 0 : self.stretchEnds[number - 1]) : 0
            let end = isText ? self.stretchEnds[number] : self.values[number].count
            let from = start + self.pieceOffset
            let count = min(end - from, buffer.count - written)
            let target = UnsafeMutableRawBufferPointer(rebasing: buffer[written..<written + count])
            if isText {
                self.text.withUnsafeBytes {
                    target.copyMemory(
                        from: UnsafeRawBufferPointer(rebasing: $0[from..<from + count])
                    )
                }
            } else {
                self.values[number].withUnsafeBytes {
                    target.copyMemory(
                        from: UnsafeRawBufferPointer(rebasing: $0[from..<from + count])
                    )
                }
            }
            written += count
            self.pieceOffset += count
            if from + count == end {
                self.piece += 1
                self.pieceOffset = 0
            }
        }
        return written
    }

    /// Makes the next slice.
    /// - Returns: false when there is nothing to send now.
    private func advance() -> Bool {
        self.clear()
        switch self.phase {
        case .header:
            self.write { self.prepared.header.encode(into: &$0) }
            self.phase = .pairs
            return true
        case .pairs:
            return self.nextSlice()
        case .end:
            self.write { writer in
                writer.bool(self.prepared.more, field: 3)
                writer.int64(self.prepared.read.count, field: 4)
            }
            self.phase = .done
            return !self.text.isEmpty
        case .loading, .done, .cancelled:
            return false
        }
    }

    private func nextSlice() -> Bool {
        let read = self.prepared.read
        let (pairs, isLast) = self.page == nil ? self.walkSlice() : self.slicePage()
        self.phase = isLast ? .end : .pairs
        guard !pairs.isEmpty else { return self.advance() }
        guard !read.keysOnly else {
            self.lay(pairs)
            return true
        }
        let next = self.phase
        let loader = SliceLoader(
            store: self.store,
            tenant: self.tenant,
            loop: self.call.loop,
            keepsLoaded: self.prepared.length <= PreparedRange.pageLengthMax
        )
        switch loader.fill(pairs, for: self, { $0.loaded($1, next: next) }) {
        case .done(let pairs):
            self.lay(pairs)
            return true
        case .loading:
            self.phase = .loading
        case .refused:
            self.phase = .cancelled
            self.call.abandonReply()
        }
        return false
    }

    /// The next pairs of the answer, and whether they are the last.
    private func walkSlice() -> (pairs: [KeyValue], isLast: Bool) {
        var pairs: [KeyValue] = []
        var bytes = 0
        let isLast = self.prepared.read.walk(from: &self.position) { key, version in
            guard bytes < Self.sliceBytesMax, pairs.count < Self.slicePairsMax else { return false }
            let pair = KeyValue(key: key, version: version, value: nil)
            bytes += self.size(of: pair)
            pairs.append(pair)
            return true
        }
        return (pairs, isLast)
    }

    /// The same of a page, whose pairs are at hand.
    private func slicePage() -> (pairs: [KeyValue], isLast: Bool) {
        guard let page else { return ([], true) }
        var bytes = 0
        let end =
            page.firstIndex { pair in
                defer { bytes += self.size(of: pair) }
                return bytes >= Self.sliceBytesMax
            } ?? page.endIndex
        self.page = page[end...]
        return (Array(page[..<end]), end == page.endIndex)
    }

    /// What a pair counts for in its slice.
    private func size(of pair: KeyValue) -> Int {
        pair.key.count + (self.prepared.read.keysOnly ? 0 : Int(pair.version.valueSize))
    }

    /// Lays a slice out for sending: what goes between the values is written to one buffer.
    private func lay(_ pairs: [KeyValue]) {
        var writer = WireWriter(length: pairs.reduce(0) { $0 + $1.key.count + 64 })
        for pair in pairs {
            let value = pair.value ?? []
            pair.encodeHead(
                field: RangeResult.kvsField,
                valueLength: value.count,
                into: &writer
            )
            self.stretchEnds.append(writer.bytes.count)
            self.values.append(value)
            pair.encodeTail(into: &writer)
        }
        self.stretchEnds.append(writer.bytes.count)
        self.text = writer.bytes
    }

    private func write(_ body: (inout WireWriter) -> Void) {
        var writer = WireWriter(length: 64)
        body(&writer)
        self.text = writer.bytes
        self.stretchEnds = [self.text.count]
    }

    private func clear() {
        self.text = []
        self.stretchEnds.removeAll(keepingCapacity: true)
        self.values.removeAll(keepingCapacity: true)
        self.piece = 0
        self.pieceOffset = 0
    }

    private func loaded(_ result: Result<[KeyValue], BackendError>, next: Phase) {
        guard case .loading = self.phase else { return }
        switch result {
        case .success(let pairs):
            self.lay(pairs)
            self.phase = next
            self.call.resume()
        case .failure:
            self.call.abandonReply()
        }
    }
}
