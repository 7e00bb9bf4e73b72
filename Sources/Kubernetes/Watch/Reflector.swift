import Controller

/// Keeps a copy of all objects of a kind true: what to ask a server next, and what its answers mean.
/// No I/O and no clock.
///
/// ```
/// listing ── last page ──> watching ──> (again, from the last resource version)
///    ^                        │
///    └── 410, too many failures, a line that cannot be read
/// ```
///
/// A list is read in pages; a page that expired (410) begins the list again. A watch goes on from the
/// last resource version, which bookmarks move forward while nothing happens. Every failure is
/// followed by a pause that grows; an event, or a watch that lasted, ends that.
package struct Reflector {
    /// What to do next.
    package enum Step: Hashable, Sendable {
        case list(continuation: String?)
        case watch(from: String)
    }

    /// What has become of the objects.
    package enum Change: Hashable, Sendable {
        /// These are all that there are.
        case replaced([JSONValue])
        /// An object is new, or different.
        case put(JSONValue)
        case removed(JSONValue)
    }

    /// Failures in a row after which everything is listed anew.
    static let watchFailuresMax = 5
    /// How long to wait after failures.
    static let backoff = Backoff(first: .milliseconds(500), bound: .seconds(30))
    /// A watch that ends sooner without an event is a failure: the server would be asked in a circle.
    static let shortWatch = Duration.seconds(1)

    /// What to ask for now, after ``pause``.
    package private(set) var step = Step.list(continuation: nil)
    /// How long to wait before the next step.
    package private(set) var pause = Duration.zero

    /// Failures in a row, of lists and watches.
    private var failures = 0
    private var gathered: [JSONValue] = []
    private var watchFailures = 0
    private var hasSeenEvent = false

    package init() {}

    /// Takes a page of the list.
    /// - Returns: the change that the last page makes.
    /// - Throws: ``APIError/tooLarge(_:)`` with more objects than are followed.
    package mutating func received(_ page: ObjectPage) throws(APIError) -> Change? {
        self.gathered += page.objects
        guard self.gathered.count <= Limits.objectsMax else {
            throw .tooLarge("there are more than \(Limits.objectsMax) objects")
        }
        self.pause = .zero
        if let continuation = page.continuation {
            self.step = .list(continuation: continuation)
            return nil
        }
        defer { self.gathered = [] }
        self.watchFailures = 0
        self.hasSeenEvent = false
        self.step = .watch(from: page.resourceVersion)
        return .replaced(self.gathered)
    }

    /// Takes an event of the watch.
    /// - Throws: what ends the watch; to be told by ``failed(_:using:)``.
    package mutating func received(_ event: WatchEvent) throws(APIError) -> Change? {
        switch event {
        case .added(let object), .modified(let object):
            self.move(to: object.resourceVersion)
            return .put(object)
        case .deleted(let object):
            self.move(to: object.resourceVersion)
            return .removed(object)
        case .bookmark(let version):
            self.move(to: version)
            return nil
        case .error(let status):
            throw .status(status)
        }
    }

    private mutating func move(to version: String?) {
        if let version { self.step = .watch(from: version) }
        self.hasSeenEvent = true
        self.watchFailures = 0
        self.failures = 0
    }

    /// The server ended the watch in its own time.
    package mutating func watchEnded(
        after duration: Duration,
        using dice: inout some RandomNumberGenerator
    ) {
        if self.hasSeenEvent || duration >= Self.shortWatch {
            self.failures = 0
            self.pause = .zero
        } else {
            self.watchFailed(using: &dice)
        }
        self.hasSeenEvent = false
    }

    /// The step, or the watch in the midst of it, failed.
    package mutating func failed(
        _ error: APIError,
        using dice: inout some RandomNumberGenerator
    ) {
        self.hasSeenEvent = false
        switch (self.step, error) {
        case (.list, _), (.watch, .malformed), (.watch, .tooLarge):
            self.startAgain(using: &dice)
        case (.watch, .status) where error.isGone || error.isNotFound:
            self.startAgain(using: &dice)
        case (.watch, _):
            self.watchFailed(using: &dice)
        }
    }

    private mutating func watchFailed(using dice: inout some RandomNumberGenerator) {
        self.watchFailures += 1
        guard self.watchFailures < Self.watchFailuresMax else {
            self.startAgain(using: &dice)
            return
        }
        self.postpone(using: &dice)
    }

    private mutating func startAgain(using dice: inout some RandomNumberGenerator) {
        self.gathered = []
        self.watchFailures = 0
        self.step = .list(continuation: nil)
        self.postpone(using: &dice)
    }

    private mutating func postpone(using dice: inout some RandomNumberGenerator) {
        self.failures += 1
        self.pause = Self.backoff.pause(
            afterFailures: self.failures,
            random: .random(in: 0..<1, using: &dice)
        )
    }
}
