import ByreCore
import Testing

/// Runs a table of watch commands, one a line, each with what the streams then send.
///
/// ```
/// watch A a..c from 2 prev      | A created 0 @1
/// put a=1                       | A 0 @2: 2 PUT a=1
/// ```
///
/// Between lines the worker catches everybody up and all streams are drained, except as the commands
/// `hold`, `release`, `pause` and `resume` say. Ranges: `a` is a key, `a..c` ends before c, `a..` has
/// no end. In the expectation messages are separated by `;`.
struct WatchScript {
    private let world: WatchWorld
    private var streams: [String: WatchStreamID] = [:]
    private var held: Set<String> = []
    private var workerRuns = true

    /// Runs `script` and compares what each line sends.
    static func check(
        _ script: String,
        limits: WatchLimits = WatchLimits(),
        at location: SourceLocation = #_sourceLocation
    ) throws {
        var run = WatchScript(world: WatchWorld(limits: limits))
        for line in script.split(separator: "\n") {
            let sides = line.split(separator: "|", maxSplits: 1, omittingEmptySubsequences: false)
            try #require(sides.count == 2, "\(line)", sourceLocation: location)
            let command = sides[0].split(separator: " ").map(String.init)
            try run.perform(command)
            let expected = sides[1].split(separator: ";").map(Self.trim).filter { !$0.isEmpty }
            let sent = run.settle()
            #expect(sent == expected, "\(Self.trim(sides[0]))", sourceLocation: location)
        }
    }

    private static func trim(_ text: Substring) -> String {
        text.split(separator: " ", omittingEmptySubsequences: true).joined(separator: " ")
    }

    // MARK: Commands

    private mutating func perform(_ words: [String]) throws {
        let name = words.count > 1 ? words[1] : ""
        switch words[0] {
        case "put", "del":
            self.world.commit([Self.writes(words[...])])
        case "txn":
            self.world.commit([Self.writes(words.dropFirst())])
        case "batch":
            // Transactions of one commit, a revision each.
            self.world.commit(words.dropFirst().split(separator: "then").map(Self.writes))
        case "watch":
            try self.watch(words)
        case "cancel":
            self.world.hub.cancel(
                WatchID(rawValue: try #require(Int64(words[2]))),
                on: try self.stream(name)
            )
        case "progress":
            self.world.hub.requestProgress(on: try self.stream(name))
        case "tick":
            self.world.now += .seconds(try #require(Int(name)))
            self.world.wake(self.world.hub.tick(now: self.world.now))
        case "compact":
            self.world.hub.compact(to: try #require(Int64(name)))
            self.world.hub.truncateLog()
        case "close":
            self.world.hub.closeStream(try self.stream(name))
            self.streams[name] = nil
        case "hold":
            self.held.insert(name)
        case "release":
            self.held.remove(name)
        case "pause":
            self.workerRuns = false
        case "resume":
            self.workerRuns = true
        case "load":
            while self.world.step() {}
        case "deliver":
            while !self.world.slices.isEmpty { self.world.deliver(0) }
        case "abandon":
            for (slice, _) in self.world.slices { self.world.hub.abandon(slice) }
            self.world.slices = []
        default:
            Issue.record("unknown command \(words[0])")
        }
    }

    private static func writes(_ words: ArraySlice<String>) -> [WatchWorld.Write] {
        var writes: [WatchWorld.Write] = []
        var index = words.startIndex
        while index + 1 < words.endIndex {
            let operand = words[index + 1].split(separator: "=", omittingEmptySubsequences: false)
            let isPut = words[index] == "put"
            writes.append((String(operand[0]), isPut ? String(operand[1]) : nil))
            index += 2
        }
        return writes
    }

    /// The stream of a name, opened when first named.
    private mutating func stream(_ name: String) throws -> WatchStreamID {
        if let stream = self.streams[name] { return stream }
        let stream = try self.world.open(progressInterval: .seconds(10))
        self.streams[name] = stream
        return stream
    }

    /// Performs `watch STREAM RANGE [from N] [id N] [prev] [noput] [nodelete] [notify] [fragment]`.
    private mutating func watch(_ words: [String]) throws {
        var request = Self.request(range: words[2])
        var denied: WatchRefusal?
        var index = 3
        while index < words.count {
            switch words[index] {
            case "from":
                index += 1
                request.startRevision = try #require(Int64(words[index]))
            case "id":
                index += 1
                request.id = WatchID(rawValue: try #require(Int64(words[index])))
            case "prev": request.options.insert(.previousKV)
            case "noput": request.options.insert(.noPut)
            case "nodelete": request.options.insert(.noDelete)
            case "notify": request.options.insert(.progressNotify)
            case "fragment": request.options.insert(.fragment)
            case "denied": denied = .denied(reason: "denied")
            default: Issue.record("unknown option \(words[index])")
            }
            index += 1
        }
        self.world.hub.create(
            request,
            on: try self.stream(words[1]),
            denied: denied,
            now: self.world.now
        )
    }

    static func request(range: String) -> WatchCreateRequest {
        guard let dots = range.firstRange(of: "..") else {
            return WatchCreateRequest(key: Bytes(range.utf8), rangeEnd: [])
        }
        let end = Bytes(range[dots.upperBound...].utf8)
        return WatchCreateRequest(
            key: Bytes(range[..<dots.lowerBound].utf8),
            rangeEnd: end.isEmpty ? [0] : end
        )
    }

    // MARK: What is sent

    private func settle() -> [String] {
        var sent: [String: [String]] = [:]
        var isBusy = true
        while isBusy {
            isBusy = false
            if self.workerRuns {
                while self.world.step() { isBusy = true }
                while !self.world.slices.isEmpty {
                    isBusy = true
                    self.world.deliver(0)
                }
            }
            for (name, stream) in self.streams where !self.held.contains(name) {
                let responses = self.world.take(stream)
                isBusy = isBusy || !responses.isEmpty
                sent[name, default: []] += responses.map { "\(name) \(Self.text(of: $0))" }
            }
        }
        return sent.sorted { $0.key < $1.key }.flatMap(\.value)
    }

    private static func text(of response: WatchResponse) -> String {
        switch response {
        case .created(let id, let revision): "created \(id.rawValue) @\(revision)"
        case .refused(let refusal, let revision): "refused @\(revision) \(refusal.reason)"
        case .canceled(let id, let revision): "canceled \(id.rawValue) @\(revision)"
        case .compacted(let id, let revision): "compacted \(id.rawValue) at \(revision)"
        case .events(let id, let revision, let batch, let mayFragment):
            "\(id.rawValue) @\(revision)\(mayFragment ? " frag" : ""): "
                + batch.events.map { String(decoding: $0, as: UTF8.self) }.joined(separator: ", ")
        case .progress(let id, let revision): "progress \(id.rawValue) @\(revision)"
        }
    }
}
