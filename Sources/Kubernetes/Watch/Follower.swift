import Transport

/// Runs a ``Reflector`` on a thread of its own, with a connection of its own.
final class Follower {
    private let resource: Resource
    private let namespace: String?
    private let connection: APIConnection
    private let client: ObjectClient
    private let stop: StopSignal
    private let onChange: (Reflector.Change) -> Void
    private let onFailure: (APIError) -> Void
    private var reflector = Reflector()
    private var dice = SystemRandomNumberGenerator()

    /// - Parameters:
    ///   - namespace: nil for all.
    ///   - onChange: Called on the thread that runs, in order.
    ///   - onFailure: Told of every failure; it is tried again.
    init(
        _ resource: Resource,
        in namespace: String?,
        over connection: APIConnection,
        stop: StopSignal,
        onChange: @escaping (Reflector.Change) -> Void,
        onFailure: @escaping (APIError) -> Void
    ) {
        self.resource = resource
        self.namespace = namespace
        self.connection = connection
        self.client = ObjectClient(connection)
        self.stop = stop
        self.onChange = onChange
        self.onFailure = onFailure
    }

    /// Follows until the end.
    func run() {
        while !self.stop.isStopped {
            if self.reflector.pause > .zero, self.stop.wait(self.reflector.pause) { return }
            do throws(APIError) {
                switch self.reflector.step {
                case .list(let continuation):
                    let page = try self.client.list(
                        self.resource,
                        in: self.namespace,
                        continuation: continuation
                    )
                    if let change = try self.reflector.received(page) { self.onChange(change) }
                case .watch(let version):
                    try self.watch(from: version)
                }
            } catch {
                if case .stopped = error { return }
                self.reflector.failed(error, using: &self.dice)
                // A watch whose beginning is too old is the usual course of things.
                if !error.isGone { self.onFailure(error) }
            }
        }
    }

    private func watch(from version: String) throws(APIError) {
        let began = ContinuousClock.now
        let least = Limits.watchSecondsMin
        let seconds = Int.random(in: least...2 * least, using: &self.dice)
        let call = try self.connection.start(
            APIRequest(
                "GET",
                self.resource.path(in: self.namespace),
                query: [
                    ("watch", "true"), ("allowWatchBookmarks", "true"),
                    ("resourceVersion", version), ("timeoutSeconds", "\(seconds)"),
                ]
            )
        )
        guard APIConnection.status(of: call) == 200 else {
            var body: [UInt8] = []
            while try !self.connection.progress(until: {
                body += call.takeBody()
                return call.isOver || body.count > Limits.eventBytesMax
            }) {}
            try self.connection.check(call, body)
            throw .malformed("a watch is answered with what is none")
        }
        defer { if !call.isOver { self.connection.cancel(call) } }
        try self.receive(call)
        self.reflector.watchEnded(after: .now - began, using: &self.dice)
    }

    /// Receives events until the server ends the watch, and sees to it that it is still there.
    private func receive(_ call: ClientCall) throws(APIError) {
        var splitter = LineSplitter()
        var heardAt = ContinuousClock.now
        var pongs = self.connection.pongs
        var isAsked = false
        while true {
            let hasSome = try self.connection.progress { call.bodyAtHand > 0 || call.isOver }
            let now = ContinuousClock.now
            if hasSome || self.connection.pongs != pongs {
                heardAt = now
                pongs = self.connection.pongs
                isAsked = false
            } else if now - heardAt > Limits.watchPingInterval {
                guard !isAsked else {
                    self.connection.drop()
                    throw .unreachable("the watch is silent, and the server with it")
                }
                self.connection.ping()
                isAsked = true
                heardAt = now
            }
            for line in try splitter.split(call.takeBody()) {
                if let change = try self.reflector.received(WatchEvent(decoding: line)) {
                    self.onChange(change)
                }
            }
            if call.isOver, call.bodyAtHand == 0 {
                guard !call.isLost, call.hasEnded else {
                    throw .unreachable("the watch was cut off")
                }
                return
            }
        }
    }
}
