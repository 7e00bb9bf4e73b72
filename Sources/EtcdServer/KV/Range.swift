import ByreCore
import EtcdAPI
import Engine
import GRPC
import Tenancy

extension EtcdServer {
    /// Answers up to this many bytes are put together in one piece; longer ones are streamed.
    static let wholeAnswerBytesMax = 64 << 10
    /// Ranges with more keys than this are prepared on a reader thread, not on the event loop.
    static let loopKeysMax = 10_000

    /// `KV/Range`: reads keys. However long the answer, it takes bounded memory: its length is known
    /// from the index, and its values are loaded as the client takes them.
    func range(_ message: RawSpan, _ call: ServerCall) {
        let wire: WireRangeRequest
        do throws(WireError) {
            wire = try WireRangeRequest(decoding: message)
        } catch {
            call.fail(Status(error))
            return
        }
        do throws(EtcdError) {
            try RequestValidation.check(wire)
        } catch {
            call.fail(Status(error))
            return
        }
        let request = wire.request
        let tenant = self.tenant(of: call)
        let isCurrent = request.serializable || !self.isShared
        guard tenant.admission.isMetered || !isCurrent else {
            tenant.admission.did(1, of: .reads)
            self.range(request, tenant, call)
            return
        }
        self.pace(1, of: .reads, holding: message.byteCount, tenant, call) {
            guard !isCurrent else { return self.range(request, tenant, call) }
            self.whenCurrent(tenant, call) { self.range(request, tenant, call) }
        }
    }

    private func range(_ request: RangeRequest, _ tenant: TenantStore, _ call: ServerCall) {
        let snapshot = tenant.snapshot
        if case .key(let key) = request.range, request.isPlain {
            if let answer = self.point(key, snapshot.state, tenant) {
                self.reply(answer, tenant, to: call)
                return
            }
        }
        guard self.isLight(request, snapshot.state) else {
            self.prepareElsewhere(request, tenant, call)
            return
        }
        do throws(RequestError) {
            // Its rows are kept from deletion, in case that values must be loaded.
            let pinned = tenant.pinnedSnapshot()
            let read = try RangeRead(
                request,
                of: pinned.state,
                loader: CacheLoader(cache: self.store.cache)
            )
            let prepared = PreparedRange(
                read,
                pinned,
                self.header(tenant, at: read.headerRevision)
            )
            if let answer = self.wholeAnswer(prepared) {
                self.reply(answer, tenant, to: call)
            } else {
                self.stream(prepared, call)
            }
        } catch .backend {
            // A value to sort by is not in memory.
            self.prepareElsewhere(request, tenant, call)
        } catch {
            call.fail(Status(error))
        }
    }

    /// Answers the commonest request of all without further ado; nil when its value is not in memory.
    private func point(
        _ key: Bytes,
        _ state: TenantState,
        _ tenant: TenantStore
    ) -> FramedMessage? {
        guard let version = state.index.latest(of: key), !version.isTombstone else {
            return self.framed(PointResult(nil), tenant, at: state.revision)
        }
        let value = version.valueSize == 0 ? [] : self.store.cache.value(of: version.row)
        guard let value else { return nil }
        let kv = KeyValue(key: key, version: version, value: value)
        return self.framed(PointResult(kv), tenant, at: state.revision)
    }

    /// Whether a request may be prepared on an event loop: few keys to walk.
    private func isLight(_ request: RangeRequest, _ state: TenantState) -> Bool {
        if case .key = request.range { return true }
        // At the latest revision a count needs no walk.
        if request.countOnly && request.revision <= 0 { return true }
        if request.isPlain, request.limit > 0, request.limit <= Self.loopKeysMax { return true }
        return state.index.count(in: request.range) <= Self.loopKeysMax
    }

    /// A short answer in one piece; nil when it is long or a value is not in memory.
    private func wholeAnswer(_ prepared: PreparedRange) -> FramedMessage? {
        guard prepared.length <= Self.wholeAnswerBytesMax, var kvs = prepared.page else {
            return nil
        }
        let read = prepared.read
        for place in kvs.indices {
            let version = kvs[place].version
            let isEmpty = read.keysOnly || version.valueSize == 0
            guard let value = isEmpty ? [] : self.store.cache.value(of: version.row) else {
                return nil
            }
            kvs[place].value = value
        }
        let result = RangeResult(
            headerRevision: read.headerRevision,
            kvs: kvs,
            more: prepared.more,
            count: read.count,
            keysOnly: read.keysOnly
        )
        return FramedMessage(
            reserved: result.encoded(prepared.header, reservingPrefix: FramedMessage.prefixLength)
        )
    }

    /// Settles on a reader thread what a request is answered with, then streams it.
    private func prepareElsewhere(
        _ request: RangeRequest,
        _ tenant: TenantStore,
        _ call: ServerCall
    ) {
        let isQueued = self.onReader(for: call, tenant, loop: call.loop) {
            reader throws(RequestError) in
            let pinned = tenant.pinnedSnapshot()
            let read = try RangeRead(
                request,
                of: pinned.state,
                loader: ReaderLoader(reader: reader, cache: self.store.cache)
            )
            return PreparedRange(read, pinned, self.header(tenant, at: read.headerRevision))
        } _: { call, result in
            guard call.isOpen else { return }
            switch result {
            case .success(let prepared): self.stream(prepared, call)
            case .failure(let error): call.fail(Status(error))
            }
        }
        if !isQueued { call.fail(Status(EtcdError.tooManyRequests)) }
    }

    private func stream(_ prepared: PreparedRange, _ call: ServerCall) {
        guard prepared.length <= Int(UInt32.max) else {
            call.fail(
                Status(
                    .resourceExhausted,
                    "grpc: trying to send message larger than max (\(prepared.length) vs. 2147483647)"
                )
            )
            return
        }
        let tenant = self.tenant(of: call)
        // The whole length is counted before the first byte is sent; while it waits for that, the
        // answer holds no values.
        self.pace(prepared.length, of: .readBytes, tenant, call) {
            let source = RangeSource(prepared, store: self.store, tenant: tenant, call)
            call.reply(length: prepared.length, source: source)
        }
    }
}

extension RangeRequest {
    /// Nothing but a range, at the latest revision, with values, in key order; a limit may be there.
    var isPlain: Bool {
        self.revision <= 0 && !self.keysOnly && !self.countOnly && self.sortTarget == .key
            && self.sortOrder != .descend && self.minModRevision == 0 && self.maxModRevision == 0
            && self.minCreateRevision == 0 && self.maxCreateRevision == 0
    }
}

/// A range's answer with its length, ready to be streamed.
struct PreparedRange: Sendable {
    let read: RangeRead
    /// Keeps the rows that `read` points to.
    let pinned: PinnedSnapshot
    let header: ResponseHeader
    let more: Bool
    /// Length of the whole message.
    let length: Int
    /// All pairs without their values, if these are no more than a page of a client's list.
    private(set) var page: [KeyValue]?

    /// Length of an answer whose pairs are kept from the walk that measures it, and whose values are
    /// kept in memory when they are loaded.
    static let pageLengthMax = 1 << 20
    /// Pairs of such an answer.
    static let pagePairsMax = 1_024

    /// - Complexity: O(pairs of the answer).
    init(_ read: RangeRead, _ pinned: PinnedSnapshot, _ header: ResponseHeader) {
        self.read = read
        self.pinned = pinned
        self.header = header
        self.more = read.more
        var length = 0
        var page: [KeyValue] = []
        var isPage = true
        var position = RangeRead.Position()
        _ = read.walk(from: &position) { key, version in
            let kv = KeyValue(key: key, version: version, value: nil)
            length += WireSize.message(
                length: kv.encodedLength(
                    valueLength: read.keysOnly ? 0 : Int(version.valueSize)
                ),
                field: RangeResult.kvsField
            )
            if isPage {
                isPage = length <= Self.pageLengthMax && page.count < Self.pagePairsMax
                if isPage { page.append(kv) } else { page = [] }
            }
            return true
        }
        self.page = isPage ? page : nil
        self.length =
            header.encodedLength + length
            + WireSize.bool(self.more, field: 3) + WireSize.int64(read.count, field: 4)
    }

    /// Hands over the pairs of a page.
    mutating func takePage() -> [KeyValue]? {
        defer { self.page = nil }
        return self.page
    }
}
