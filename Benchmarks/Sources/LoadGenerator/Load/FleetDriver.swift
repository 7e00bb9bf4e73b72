/// Opens many connections, each with a watch if wanted, and keeps them.
package final class FleetDriver: Driver, CallOwner {
    /// What is opened.
    package struct Fleet: Sendable {
        package var connections = 1
        /// The first so many connections have a watch each.
        package var watches = 0
        /// Whether each connection with a watch lists its prefix first, as a cache does.
        package var lists = false
        /// Connections that are being made at once.
        package var inFlightMax = 256

        package init() {}
    }

    private let fleet: Fleet
    private let targets: [Target]
    private let prefixes: [Keys]
    private var indices: [ObjectIdentifier: Int] = [:]
    private var began: [UInt64] = []
    /// What each connection still waits for.
    private var awaited: [Int] = []
    private var links: [Link] = []
    private var calls: [Call] = []
    private let worker: () -> Worker?
    private var deadline: UInt64 = 0
    /// How often a second one of the streams is asked how far it has come.
    package var progressRate = 0.0
    private var progressDue: UInt64 = 0
    private var progressCount = 0
    package private(set) var ready = 0
    package private(set) var messages = 0
    package private(set) var failure: String?
    package private(set) var recorder = Recorder(kinds: 1)

    /// - Parameters:
    ///   - targets: connection n goes to target n, and from the first again.
    ///   - prefixes: what its watch is about, likewise.
    package init(
        _ fleet: Fleet,
        targets: [Target],
        prefixes: [Keys],
        worker: @escaping () -> Worker?
    ) {
        self.fleet = fleet
        self.targets = targets
        self.prefixes = prefixes
        self.worker = worker
    }

    /// The worker's next run lasts until `deadline`, with all connections open.
    package func rest(until deadline: UInt64) {
        self.deadline = deadline
    }

    package func tick(_ now: UInt64) -> UInt64? {
        if self.failure != nil { return nil }
        while self.links.count < self.fleet.connections,
            self.links.count - self.ready < self.fleet.inFlightMax
        {
            self.connect(now)
            if self.failure != nil { return nil }
        }
        if self.ready < self.fleet.connections { return .max }
        if now >= self.deadline { return nil }
        guard self.progressRate > 0, !self.calls.isEmpty else { return self.deadline }
        if now >= self.progressDue { self.askProgress(now) }
        return min(self.deadline, self.progressDue)
    }

    private func askProgress(_ now: UInt64) {
        self.progressDue = now + Monotonic.nanoseconds(1 / self.progressRate)
        let call = self.calls[self.progressCount % self.calls.count]
        self.progressCount += 1
        guard !call.isUnary else { return }
        Requests.watchProgress(into: &call.request)
        call.link.resume(call)
    }

    private func connect(_ now: UInt64) {
        guard let worker = self.worker() else { return }
        let index = self.links.count
        do {
            let link = try Link(to: self.targets[index % self.targets.count], of: worker)
            self.indices[ObjectIdentifier(link)] = index
            self.links.append(link)
            self.began.append(now)
            self.awaited.append(1)
        } catch {
            self.failure = error.description
        }
    }

    package func opened(_ link: Link) {
        guard let index = self.indices[ObjectIdentifier(link)] else { return }
        if index < self.fleet.watches {
            let keys = self.prefixes[index % self.prefixes.count]
            let watch = Call(link: link, lane: index, owner: self)
            watch.method = .watch
            watch.isUnary = false
            Requests.watch(keys.prefix, end: keys.end, from: 0, into: &watch.request)
            self.start(watch)
            if self.fleet.lists {
                let list = Call(link: link, lane: index, owner: self)
                list.keepsMessages = false
                var options = Requests.RangeOptions()
                options.end = keys.end
                options.limit = 10_000
                Requests.range(keys.prefix, options, into: &list.request)
                self.start(list)
            }
        }
        self.came(index)
    }

    private func start(_ call: Call) {
        self.awaited[call.lane] += 1
        self.calls.append(call)
        if !call.link.start(call) { self.failure = "a connection takes no calls" }
    }

    private func came(_ index: Int) {
        self.awaited[index] -= 1
        guard self.awaited[index] == 0 else { return }
        self.ready += 1
        self.recorder.record(0, .succeeded, from: self.began[index], to: self.links[index].readTime)
    }

    package func dropped(_ link: Link) {
        if let reason = link.failure { self.failure = self.failure ?? reason }
    }

    package func received(_ message: UnsafeRawBufferPointer, _ call: Call) {
        self.messages += 1
        let watched = Answers.watch(message) { _ in }
        if watched.isCanceled { self.failure = "a watch was canceled" }
        if watched.isCreated { self.came(call.lane) }
    }

    package func ended(_ call: Call) {
        if call.status == 0 && call.isUnary {
            self.came(call.lane)
        } else if call.link.state != .closed || call.link.failure != nil {
            let status = call.status.map { "status \($0): \(call.problem)" } ?? "no status"
            self.failure = self.failure ?? "a call ended: \(status)"
        }
    }
}
