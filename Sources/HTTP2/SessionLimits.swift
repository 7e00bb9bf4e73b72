/// What one session grants its peer, and how much of a nuisance the peer may be.
///
/// The windows bound what a peer can make this side hold per connection; the frame limits bound the
/// work it can cause without doing any itself.
package struct SessionLimits: Hashable, Sendable {
    /// SETTINGS_MAX_CONCURRENT_STREAMS as announced.
    ///
    /// More are refused with REFUSED_STREAM.
    package var streamsAnnounced: UInt32 = .max
    /// Open streams of one connection, whatever is announced.
    ///
    /// More are refused with REFUSED_STREAM.
    package var streamsMax = 100_000
    /// Bytes the peer may send on a stream before they are consumed.
    package var streamWindowBytes: Int32 = 1 << 20
    /// Bytes the peer may send on the connection before they are consumed.
    package var connectionWindowBytes: Int32 = 1 << 20
    /// Sum of a header list as RFC 9113 counts it: name + value + 32 for each field.
    ///
    /// A stream whose list is larger is reset.
    package var headerListBytesMax = 64 << 10
    /// RST_STREAM frames a peer may send in a burst; 0.1 % of it flows back each millisecond.
    package var resetsBurst = 4_000
    /// SETTINGS frames a peer may send in a burst; 0.1 % of it flows back each millisecond.
    package var settingsBurst = 100
    /// Empty DATA, PING and PRIORITY frames, and those of unknown types, that a peer may send in a
    /// burst; 0.1 % of it flows back each millisecond.
    package var idleFramesBurst = 10_000
    /// Answers to PING and SETTINGS that may wait to be sent.
    ///
    /// One more ends the connection.
    package var acknowledgementsQueuedMax = 1_000

    package init() {}
}

/// A token bucket in whole milliseconds: full at `burst`, refilled by 0.1 % of it per millisecond.
struct FrameBudget {
    private let burst: Int
    /// Thousandths of a frame that may still come.
    private var thousandths: Int
    private var refilledAt: UInt64 = 0

    init(burst: Int) {
        self.burst = burst
        self.thousandths = burst * 1_000
    }

    /// Takes one frame from the budget.
    /// - Parameter now: Milliseconds of a clock that never goes back.
    /// - Returns: false when there is none left.
    mutating func take(now: UInt64) -> Bool {
        if now > self.refilledAt {
            let elapsed = min(now - self.refilledAt, 1_000)
            self.thousandths = min(
                self.burst * 1_000,
                self.thousandths + Int(elapsed) * self.burst
            )
            self.refilledAt = now
        }
        guard self.thousandths >= 1_000 else { return false }
        self.thousandths -= 1_000
        return true
    }
}
