/// Keeps the lanes of one worker busy: each lane asks, waits for the answer, and asks again.
package final class LoadDriver: Driver, CallOwner {
    /// How long answers that are due are waited for after the end: nanoseconds.
    package static let grace: UInt64 = 10_000_000_000

    private let source: any Source
    /// Lanes that wait for their next request, longest first.
    private var free: Lanes
    private var running = 0
    private var awaited = 0
    private var isConnecting = true
    private var isOpenLoop = false
    private var schedule = Schedule.closedLoop(start: 0)
    package private(set) var recorder: Recorder
    /// How late requests of an open loop were sent though a lane was free: what this process, and not
    /// the server, adds to their latencies.
    package private(set) var lateness = Series()
    /// Requests that succeeded, whether they were in the window or not.
    package private(set) var allSucceeded = 0
    private var own: Set<ObjectIdentifier> = []
    /// Why the run is over before its time.
    package private(set) var failure: String?

    package init(source: any Source, kinds: Int) {
        self.source = source
        self.free = Lanes()
        self.recorder = Recorder(kinds: kinds)
    }

    /// Makes connections and their lanes; the worker's next run ends when all can be used.
    /// - Parameter targets: connection n of all workers goes to target n, and from the first again.
    package func connect(
        _ worker: Worker,
        to targets: [Target],
        connections: Int,
        streams: Int,
        firstLane: Int
    ) throws(Failure) {
        var links: [Link] = []
        let first = firstLane / streams
        for index in first..<first + connections {
            links.append(try Link(to: targets[index % targets.count], of: worker))
        }
        self.awaited = connections
        self.own = Set(links.map { ObjectIdentifier($0) })
        // One lane of each connection after the other, so that they share the load.
        for stream in 0..<streams {
            for (index, link) in links.enumerated() {
                let lane = firstLane + stream * connections + index
                let tenant = (first + index) % targets.count
                self.free.append(Call(link: link, lane: lane, tenant: tenant, owner: self))
            }
        }
    }

    /// Prepares the next run of the worker: the measured one.
    package func begin(_ schedule: Schedule, window: Range<UInt64>, isOpenLoop: Bool) {
        self.isConnecting = false
        self.schedule = schedule
        self.isOpenLoop = isOpenLoop
        self.recorder.window = window
    }

    package func tick(_ now: UInt64) -> UInt64? {
        if self.isConnecting { return self.awaited == 0 ? nil : .max }
        let end = self.recorder.window.upperBound
        if self.failure != nil || now > end.addingClamped(Self.grace) {
            self.abandon(now)
            return nil
        }
        while true {
            let due = self.schedule.next(now)
            if due >= end || self.free.isEmpty {
                // Either the end of the run, or a lane that becomes free goes on.
                if due >= end || self.running == 0 {
                    if self.running == 0 { return nil }
                }
                return end.addingClamped(Self.grace)
            }
            guard due <= now, let call = self.free.popFirst() else { return due }
            call.intended = due
            call.started = now
            guard self.source.prepare(call) else { continue }
            self.schedule.advance()
            guard call.link.start(call) else {
                self.failure = call.link.failure ?? "the connection takes no more requests"
                continue
            }
            self.running += 1
            if self.isOpenLoop && self.recorder.window.contains(due) {
                let possible = max(due, call.freed)
                self.lateness.record(nanoseconds: now > possible ? now - possible : 0)
            }
        }
    }

    /// What was due and is not answered counts as failed.
    private func abandon(_ now: UInt64) {
        guard self.isOpenLoop else { return }
        var missing = self.running
        while self.schedule.next(now) < min(self.recorder.window.upperBound, now) {
            missing += 1
            self.schedule.advance()
        }
        for _ in 0..<missing {
            let time = self.recorder.window.lowerBound
            self.recorder.record(0, .failed("not answered in time"), from: time, to: time)
        }
    }

    /// Whether `link` was made by ``connect(_:to:connections:streams:firstLane:)``.
    package func owns(_ link: Link) -> Bool { self.own.contains(ObjectIdentifier(link)) }

    package func opened(_ link: Link) { self.awaited -= 1 }

    package func dropped(_ link: Link) {
        guard let reason = link.failure, self.failure == nil else { return }
        self.failure = reason
        self.awaited = 0
    }

    package func received(_ message: UnsafeRawBufferPointer, _ call: Call) {
        self.source.received(message, call)
    }

    package func ended(_ call: Call) {
        self.running -= 1
        let now = call.link.readTime
        call.freed = now
        let outcome: Recorder.Outcome =
            switch call.status {
            case 0?: self.source.outcome(of: call)
            case let status?: .failed("status \(status): \(call.problem)")
            case nil: .failed(call.link.failure ?? "a call ended without a status")
            }
        if case .succeeded = outcome { self.allSucceeded += 1 }
        // In an open loop, requests that were due in the window count, however late the answer.
        let isCounted = self.isOpenLoop && self.recorder.window.contains(call.intended)
        self.recorder.record(
            call.kind,
            outcome,
            from: call.intended,
            to: now,
            counted: self.isOpenLoop ? isCounted : self.recorder.window.contains(now),
            bytes: call.receivedBytes,
            items: self.source.items(of: call)
        )
        self.free.append(call)
    }
}

extension UInt64 {
    fileprivate func addingClamped(_ amount: UInt64) -> UInt64 {
        let (sum, overflow) = self.addingReportingOverflow(amount)
        return overflow ? .max : sum
    }
}

/// Calls in the order in which they became free.
private struct Lanes {
    private var calls: [Call] = []
    private var first = 0

    var isEmpty: Bool { self.first == self.calls.count }

    mutating func append(_ call: Call) {
        if self.first > 4_096 && self.first * 2 > self.calls.count {
            self.calls.removeFirst(self.first)
            self.first = 0
        }
        self.calls.append(call)
    }

    mutating func popFirst() -> Call? {
        guard !self.isEmpty else { return nil }
        defer { self.first += 1 }
        return self.calls[self.first]
    }
}
