import DequeModule

/// A bounded queue from many threads to one or a few that block for it, in lanes that are served in
/// turn: by deficit round robin, each element at its cost.
///
/// A lane is a tenant's. Within it elements come out in the order in which they went in. In each
/// round a lane is granted the same number of units and hands out elements while it has enough; what
/// is left counts in the next round as long as the lane is not empty. So lanes that always have work
/// get equal shares of the cost, whatever their elements cost, and one that rarely has work waits for
/// a round, not for the others' queues. While some lanes are short, long ones are granted less.
/// - Source: M. Shreedhar, G. Varghese, "Efficient Fair Queuing using Deficit Round Robin", 1995.
package final class FairQueue<Element: Sendable>: @unchecked Sendable {
    // @unchecked: lanes, and everything that is not constant here, are touched with `mutex` held.

    /// Where one tenant's elements wait.
    package final class Lane: @unchecked Sendable {
        // @unchecked: touched with the mutex of the one queue it is used with held.
        fileprivate var elements: Deque<(element: Element, cost: Int)> = []
        fileprivate var cost = 0
        fileprivate var deficit = 0

        package init() {}

        fileprivate var isShort: Bool { self.elements.count <= FairQueue.shortLaneMax }

        /// Takes the first element if the lane has enough for it.
        fileprivate func popAffordable() -> (element: Element, cost: Int)? {
            guard !self.elements.isEmpty, self.elements[0].cost <= self.deficit else { return nil }
            let head = self.elements.removeFirst()
            self.cost -= head.cost
            self.deficit -= head.cost
            return head
        }
    }

    /// How much may wait; one element that goes past any of these is refused.
    package struct Bounds: Hashable, Sendable {
        /// Elements of all lanes.
        package var count: Int
        /// Cost of all lanes' elements.
        package var cost: Int
        /// Elements of one lane.
        package var laneCount: Int
        /// Cost of one lane's elements.
        package var laneCost: Int

        package init(count: Int, cost: Int, laneCount: Int, laneCost: Int) {
            self.count = count
            self.cost = cost
            self.laneCount = laneCount
            self.laneCost = laneCost
        }
    }

    /// How much is taken at once.
    package struct Portion: Hashable, Sendable {
        /// Cost after which no more is taken while one lane alone has had elements of late.
        package var alone: Int
        /// Cost after which no more is taken when several have; a round is finished nevertheless.
        package var shared: Int
        /// What the long lanes of a portion may cost together while others are short; see
        /// ``FairQueue/shortLaneMax``. Each has as much as ``FairQueue/longLaneGrantMin`` in any case.
        package var besideShort: Int
        /// Cost after which no more is taken in any case.
        package var max: Int { Swift.max(self.alone, self.shared) }

        package init(alone: Int, shared: Int, besideShort: Int) {
            self.alone = alone
            self.shared = shared
            self.besideShort = besideShort
        }
    }

    /// Portions taken as shared ones after the last in which several lanes had a part.
    ///
    /// A tenant that writes one by one is absent from most of the portions that its neighbours fill.
    private static var sharedPortions: Int { 64 }

    /// Elements of a lane that is short: somebody waits for each of them, it is no stream of them.
    fileprivate static var shortLaneMax: Int { 4 }

    /// Portions in which long lanes get little after the last that had a short lane beside a long one:
    /// as many as pass between two elements of somebody who sends the next when the last is answered.
    private static var portionsBesideShort: Int { 8 }

    /// Cost that a long lane is granted in a round beside short ones, however many there are of each,
    /// unless all lanes get less: about one small element.
    private static var longLaneGrantMin: Int { 2_048 }

    private let bounds: Bounds
    private var count = 0
    private var cost = 0
    /// Lanes that hold something, the next to be served first.
    private var lanes: Deque<Lane> = []
    /// Whether the first lane was cut short by the end of a portion, and goes on without a grant.
    private var isMidTurn = false
    private var lastLane: Lane?
    private var sharedPortionsLeft = 0
    private var besideShortLeft = 0
    private var isClosed = false
    private var isPoked = false
    private var waiters = 0
    private let mutex = WaitLock()
    /// Signalled when there is something to take.
    private let condition = WaitLock.Condition()

    package init(_ bounds: Bounds) {
        self.bounds = bounds
    }

    package enum PushResult {
        case pushed, full, closed
    }

    /// Adds an element to the end of a lane, and wakes a waiter if there is one.
    /// - Precondition: `cost` is positive.
    package func push(_ element: Element, cost: Int, to lane: Lane) -> PushResult {
        self.mutex.lock()
        let result = self.add(element, cost: cost, to: lane)
        let isAwaited = self.waiters > 0
        self.mutex.unlock()
        // After the unlock, or the waiter would wake only to wait for the mutex.
        if isAwaited, result == .pushed { self.condition.signal() }
        return result
    }

    /// Adds an element to the end of a lane, with the mutex held.
    private func add(_ element: Element, cost: Int, to lane: Lane) -> PushResult {
        guard !self.isClosed else { return .closed }
        guard
            self.count < self.bounds.count, lane.elements.count < self.bounds.laneCount,
            self.cost < self.bounds.cost, lane.cost < self.bounds.laneCost
        else { return .full }
        if lane.elements.isEmpty { self.lanes.append(lane) }
        lane.elements.append((element, cost))
        lane.cost += cost
        self.cost += cost
        self.count += 1
        return .pushed
    }

    /// Takes a portion of what waits, waiting for something until `deadline` (nanoseconds of the
    /// monotonic clock). What each lane can have in the first round is in it.
    /// - Returns: the elements, none when the deadline passed or it was
    ///   poked; nil once the queue is closed and empty.
    /// - Complexity: O(elements taken + lanes with elements), unless an element costs more than a
    ///   round grants.
    package func take(_ portion: Portion, until deadline: Int64) -> [Element]? {
        self.mutex.lock()
        defer { self.mutex.unlock() }
        guard self.wait(until: deadline) else { return nil }
        guard !self.lanes.isEmpty else { return [] }
        let soft = self.isShared ? portion.shared : portion.alone
        let grant = max(soft / self.lanes.count, 1)
        let longGrant = min(self.longGrant(portion) ?? grant, grant)
        // Where long lanes get little, more rounds would undo it.
        let another = longGrant < grant ? 0 : soft
        var taken: [Element] = []
        var spent = 0
        var visitsLeft = self.lanes.count
        // After the first round, others go on as long as that brings the cost nearer to what it is
        // to be.
        while let lane = self.lanes.first, spent < portion.max,
            visitsLeft > 0 || spent + grant / 2 < another
        {
            visitsLeft -= 1
            if !self.isMidTurn { lane.deficit += lane.isShort ? grant : longGrant }
            self.isMidTurn = false
            while spent < portion.max, let next = lane.popAffordable() {
                spent += next.cost
                taken.append(next.element)
            }
            guard spent < portion.max || lane.elements.isEmpty else {
                self.isMidTurn = true
                break
            }
            self.endTurn(of: lane)
        }
        self.count -= taken.count
        self.cost -= spent
        return taken
    }

    /// Takes one element, waiting for one.
    /// - Parameter grant: units that each lane is granted in a round.
    /// - Returns: nil once the queue is closed and empty.
    package func takeFirst(grant: Int) -> Element? {
        self.mutex.lock()
        defer { self.mutex.unlock() }
        guard self.wait(until: .max) else { return nil }
        while let lane = self.lanes.first {
            guard let next = lane.popAffordable() else {
                // It is served when its turn comes again; alone, at once.
                self.endTurn(of: lane)
                lane.deficit += grant
                continue
            }
            self.count -= 1
            self.cost -= next.cost
            if lane.elements.isEmpty { self.endTurn(of: lane) }
            return next.element
        }
        return nil
    }

    /// Ends one wait of ``take(_:until:)`` with what there is: whoever waits has something else to do.
    package func poke() {
        self.mutex.lock()
        self.isPoked = true
        self.condition.signal()
        self.mutex.unlock()
    }

    /// Refuses further elements; what is inside can still be taken.
    package func close() {
        self.mutex.lock()
        self.isClosed = true
        self.condition.broadcast()
        self.mutex.unlock()
    }

    /// Whether several lanes had elements of late; looked at once a portion.
    private var isShared: Bool {
        let lane = self.lanes.first
        if self.lanes.count > 1 || self.lastLane != nil && self.lastLane !== lane {
            self.sharedPortionsLeft = Self.sharedPortions
        } else if self.sharedPortionsLeft > 0 {
            self.sharedPortionsLeft -= 1
        }
        self.lastLane = lane
        return self.sharedPortionsLeft > 0
    }

    /// What each long lane is granted in a round while there are short ones too, or were of late;
    /// nil when there were none.
    ///
    /// Whoever has hundreds of elements waiting keeps every processor and the disk busy with them, and
    /// an element of somebody else waits at each step on its way, not only here. So they get the more
    /// only when nobody waits for one or two.
    /// - Complexity: O(lanes with elements); O(1) for one.
    private func longGrant(_ portion: Portion) -> Int? {
        let short = self.lanes.count == 1 ? 0 : self.lanes.count { $0.isShort }
        let long = self.lanes.count - short
        if short > 0, long > 0 {
            self.besideShortLeft = Self.portionsBesideShort
        } else if self.besideShortLeft > 0 {
            self.besideShortLeft -= 1
        }
        guard self.besideShortLeft > 0 else { return nil }
        return max(portion.besideShort / max(long, 1), Self.longLaneGrantMin)
    }

    /// Puts the first lane last, or lets go of it when it is empty.
    private func endTurn(of lane: Lane) {
        guard !lane.elements.isEmpty else {
            lane.deficit = 0
            self.lanes.removeFirst()
            return
        }
        guard self.lanes.count > 1 else { return }
        self.lanes.append(self.lanes.removeFirst())
    }

    /// - Returns: false once the queue is closed and empty.
    private func wait(until deadline: Int64) -> Bool {
        self.waiters += 1
        defer { self.waiters -= 1 }
        while self.lanes.isEmpty, !self.isClosed, !self.isPoked,
            self.condition.wait(holding: self.mutex, until: deadline)
        {}
        self.isPoked = false
        return !(self.lanes.isEmpty && self.isClosed)
    }
}
