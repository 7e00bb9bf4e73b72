import ByreCore
import EtcdAPI
import Engine
import GRPC
import Tenancy

extension EtcdServer {
    /// `KV/RangeStream`: reads keys as a sequence of responses, which merged make the unary one.
    func rangeStream(_ call: ServerCall) -> any StreamHandler {
        RangeStreamHandler(self, call)
    }
}

/// One RangeStream call: sends chunks while there is room, and loads values as it goes.
///
/// Each chunk has whole pairs; the header, `more` and `count` come with the last one. The number of
/// pairs in a chunk follows their size, as in etcd, so that a chunk is about half the request limit.
/// - Source: etcd `server/etcdserver/v3_server.go`, `RangeStream`.
final class RangeStreamHandler: StreamHandler {
    static let firstChunkPairs = 10

    private let server: EtcdServer
    private let call: ServerCall
    private let tenant: TenantStore
    private var answer: Answer?
    private var chunkPairs = RangeStreamHandler.firstChunkPairs
    private var isLoading = false

    private struct Answer {
        let read: RangeRead
        /// Keeps the rows that `read` points to.
        let pinned: PinnedSnapshot
        var position = RangeRead.Position()
    }

    init(_ server: EtcdServer, _ call: ServerCall) {
        self.server = server
        self.call = call
        self.tenant = server.tenant(of: call)
    }

    func received(_ message: RawSpan) {
        guard self.answer == nil, !self.isLoading else { return }
        let request: RangeRequest
        do throws(WireError) {
            let wire = try WireRangeRequest(decoding: message)
            do throws(EtcdError) {
                try RequestValidation.checkStream(wire)
            } catch {
                self.call.finish(Status(error))
                return
            }
            request = wire.request
        } catch {
            self.call.finish(Status(error))
            return
        }
        self.isLoading = true
        self.server.pace(1, of: .reads, holding: message.byteCount, self.tenant, self.call) {
            self.prepare(request)
        }
    }

    func halfClosed() {}

    func ended(_ reason: Status) {
        self.answer = nil
    }

    func drained() {
        self.sendChunks()
    }

    /// Settles the answer on a reader thread: a sort or a count may walk every key.
    private func prepare(_ request: RangeRequest) {
        let tenant = self.tenant
        let cache = self.server.store.cache
        let server = self.server
        let isQueued = server.onReader(for: self, tenant, loop: self.call.loop) {
            reader throws(RequestError) in
            let pinned = tenant.pinnedSnapshot()
            let loader = ReaderLoader(reader: reader, cache: cache)
            let read = try RangeRead(request, of: pinned.state, loader: loader)
            guard tenant.admission.isMetered else { return (read, pinned, 0) }
            let header = server.header(tenant, at: read.headerRevision)
            return (read, pinned, PreparedRange(read, pinned, header).length)
        } _: { handler, result in
            handler.prepared(result)
        }
        if !isQueued { self.call.finish(Status(EtcdError.tooManyRequests)) }
    }

    /// What the answer consists of, and its length, if that counts.
    private typealias Prepared = (read: RangeRead, pinned: PinnedSnapshot, length: Int)

    private func prepared(_ result: Result<Prepared, RequestError>) {
        guard self.call.isOpen else { return }
        switch result {
        case .failure(let error): self.call.finish(Status(error))
        case .success(let prepared):
            self.server.pace(prepared.length, of: .readBytes, self.tenant, self.call) {
                self.isLoading = false
                self.answer = Answer(read: prepared.read, pinned: prepared.pinned)
                self.sendChunks()
            }
        }
    }

    private func sendChunks() {
        while self.call.isOpen, !self.isLoading,
            self.call.bufferedBytes < ServerCall.lowWaterMarkBytes,
            self.answer != nil
        {
            self.sendChunk()
        }
    }

    private func sendChunk() {
        guard var answer = self.answer else { return }
        // etcd reads each chunk anew, so one that was compacted meanwhile ends the stream.
        guard answer.read.revision >= self.tenant.snapshot.state.compactRevision else {
            self.answer = nil
            self.call.finish(Status(EtcdError.compacted))
            return
        }
        var pairs: [KeyValue] = []
        let isLast = answer.read.walk(from: &answer.position) { key, version in
            guard pairs.count < self.chunkPairs else { return false }
            pairs.append(KeyValue(key: key, version: version, value: nil))
            return true
        }
        self.answer = answer
        guard !answer.read.keysOnly else {
            self.send(pairs, isLast: isLast)
            return
        }
        let loader = SliceLoader(
            store: self.server.store,
            tenant: self.tenant,
            loop: self.call.loop,
            keepsLoaded: false
        )
        switch loader.fill(pairs, for: self, { $0.loaded($1, isLast: isLast) }) {
        case .done(let pairs): self.send(pairs, isLast: isLast)
        case .loading: self.isLoading = true
        case .refused: self.call.finish(Status(EtcdError.tooManyRequests))
        }
    }

    private func loaded(_ result: Result<[KeyValue], BackendError>, isLast: Bool) {
        self.isLoading = false
        guard self.call.isOpen else { return }
        switch result {
        case .failure(let error): self.call.finish(Status(error))
        case .success(let pairs):
            self.send(pairs, isLast: isLast)
            self.sendChunks()
        }
    }

    private func send(_ pairs: [KeyValue], isLast: Bool) {
        guard let answer = self.answer else { return }
        let chunk = RangeChunk(
            kvs: pairs,
            end: isLast ? (more: answer.read.more, count: answer.read.count) : nil
        )
        let header = self.server.header(self.tenant, at: answer.read.headerRevision)
        let message = chunk.encoded(header, reservingPrefix: FramedMessage.prefixLength)
        self.resize(chunkBytes: message.count)
        // Where it is metered, all of the answer was counted before.
        if !self.tenant.admission.isMetered {
            self.tenant.admission.did(message.count, of: .readBytes)
        }
        self.call.send(FramedMessage(reserved: message))
        if isLast {
            self.answer = nil
            self.call.finish(.ok)
        }
    }

    private func resize(chunkBytes: Int) {
        let target = self.server.settings.maxRequestBytes
        if chunkBytes < target / 2 {
            self.chunkPairs *= 2
        } else if chunkBytes > target * 2 {
            self.chunkPairs = max(1, self.chunkPairs / 2)
        }
    }
}

/// RangeStreamResponse: range_response 1, a RangeResponse whose header, more and count are there in
/// the last one only.
struct RangeChunk: WireResponse {
    let kvs: [KeyValue]
    let end: (more: Bool, count: Int64)?

    func encodedLength(_ header: ResponseHeader) -> Int {
        WireSize.message(length: self.contentLength(header), field: 1)
    }

    func encode(_ header: ResponseHeader, into writer: inout WireWriter) {
        writer.message(length: self.contentLength(header), field: 1)
        if self.end != nil { header.encode(into: &writer) }
        for kv in self.kvs { kv.encode(field: RangeResult.kvsField, into: &writer) }
        if let end {
            writer.bool(end.more, field: 3)
            writer.int64(end.count, field: 4)
        }
    }

    private func contentLength(_ header: ResponseHeader) -> Int {
        var length = 0
        for kv in self.kvs { length += kv.encodedLength(field: RangeResult.kvsField) }
        if let end {
            length += header.encodedLength
            length += WireSize.bool(end.more, field: 3) + WireSize.int64(end.count, field: 4)
        }
        return length
    }
}
