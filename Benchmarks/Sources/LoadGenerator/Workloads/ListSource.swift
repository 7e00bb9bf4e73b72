/// Lists a prefix page by page at one revision, as a kube-apiserver does, over and over.
package final class ListSource: Source {
    /// What is asked for.
    package struct Pages: Sendable {
        /// Keys in a page; 0 asks for all at once. Lanes take these in turn.
        package var limits: [Int64] = [500]
        /// Whether the pages after the first are asked for too.
        package var walks = true
        /// Whether answers come as a stream of messages.
        package var isStreamed = false

        package init() {}
    }

    private struct Place {
        var key: [UInt8]
        var revision: Int64 = 0
        var keys = 0
        var count: Int64 = 0
        var last: [UInt8] = []
        var pageRevision: Int64 = 0
    }

    private let keys: Keys
    private let pages: Pages
    private let end: [UInt8]
    private var places: [Int: Place] = [:]

    package init(_ keys: Keys, _ pages: Pages) {
        self.keys = keys
        self.pages = pages
        self.end = keys.end
    }

    private func limit(_ call: Call) -> Int64 {
        self.pages.limits[call.lane % self.pages.limits.count]
    }

    package func prepare(_ call: Call) -> Bool {
        call.method = self.pages.isStreamed ? .rangeStream : .range
        var options = Requests.RangeOptions()
        options.end = self.end
        options.limit = self.limit(call)
        // Of an answer without an end the bytes are counted and nothing is kept.
        call.keepsMessages = options.limit > 0
        var place = self.places[call.lane] ?? Place(key: self.keys.prefix)
        place.keys = 0
        options.revision = place.revision
        Requests.range(place.key, options, into: &call.request)
        self.places[call.lane] = place
        return true
    }

    package func received(_ message: UnsafeRawBufferPointer, _ call: Call) {
        var page = Answers.Page()
        if self.pages.isStreamed {
            var reader = MessageReader(message)
            if case .bytes(1, let range)? = reader.next() { page = Answers.range(range) }
        } else {
            page = Answers.range(message)
        }
        guard var place = self.places[call.lane] else { return }
        place.keys += page.keys
        place.count = max(place.count, page.count)
        if page.revision > 0 { place.pageRevision = page.revision }
        if !page.lastKey.isEmpty { place.last = page.lastKey }
        self.places[call.lane] = place
    }

    package func outcome(of call: Call) -> Recorder.Outcome {
        guard let place = self.places[call.lane], self.limit(call) > 0 else { return .succeeded }
        guard place.keys > 0 else { return .failed("a page is empty") }
        if self.pages.walks && place.count > Int64(place.keys) {
            // As a kube-apiserver goes on: after the last key, at the first page's revision.
            self.places[call.lane] = Place(
                key: place.last + [0],
                revision: place.revision == 0 ? place.pageRevision : place.revision,
                keys: place.keys
            )
        } else {
            self.places[call.lane] = Place(key: self.keys.prefix, keys: place.keys)
        }
        return .succeeded
    }

    package func items(of call: Call) -> Int {
        self.limit(call) == 0 ? self.keys.count : self.places[call.lane]?.keys ?? 0
    }
}
