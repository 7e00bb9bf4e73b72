/// Says whether a loop that has nothing to do should go on polling for a moment before it sleeps.
///
/// To be woken costs a thread ten microseconds and more, and several times that on a virtual machine whose
/// idle processors halt. A client that asks again as soon as it is answered pays that for each request. So
/// after a row of inputs that each came soon after the last one was answered, the loop keeps awake for
/// as long as that may take again; and once nothing came, it sleeps as usual until there is such a row again.
/// At worst that costs one ``window`` in ``rowMin`` requests.
struct PollWindow {
    /// Nanoseconds after an answer within which the next input counts as soon.
    static let window: UInt64 = 100_000
    /// How many inputs in a row must have come soon.
    static let rowMin = 32

    private var settledAt: UInt64 = 0
    private var row = 0

    /// Takes note of input that arrived at `now`, in nanoseconds.
    mutating func received(at now: UInt64) {
        self.row = self.isOver(at: now) ? 0 : min(self.row + 1, Self.rowMin)
    }

    /// Takes note that what arrived is worked off.
    mutating func settled(at now: UInt64) { self.settledAt = now }

    /// Whether to poll once more.
    func lingers(at now: UInt64) -> Bool { self.row >= Self.rowMin && !self.isOver(at: now) }

    private func isOver(at now: UInt64) -> Bool { now > self.settledAt &+ Self.window }
}
