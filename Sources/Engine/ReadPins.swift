import Synchronization

/// Keeps rows from being deleted while somebody may still read them.
///
/// A compaction takes versions out of the index first and deletes their rows later. Each slice of it
/// gets an epoch; a pin taken before holds back the slices from then on, a pin taken after does not,
/// since who takes it sees an index without those versions.
package final class ReadPins: Sendable {
    private struct State {
        var epoch: Int64 = 0
        /// Number of pins per epoch, for epochs that have some.
        var held: [Int64: Int] = [:]
        /// When the epochs before the present one ended that still have some.
        var ends: [Int64: Int64] = [:]
    }

    private let state = Mutex(State())

    package init() {}

    /// Pins what an index read from now on may point to, until the pin is released.
    package func take() -> Pin {
        let epoch = self.state.withLock { state in
            state.held[state.epoch, default: 0] += 1
            return state.epoch
        }
        return Pin(pins: self, epoch: epoch)
    }

    /// Marks that versions were taken out of the index.
    /// - Returns: the epoch for ``mayDelete(_:)``.
    func advance(now: Int64) -> Int64 {
        self.state.withLock { state in
            if state.held[state.epoch] != nil { state.ends[state.epoch] = now }
            state.epoch += 1
            return state.epoch
        }
    }

    /// Whether rows taken out of the index at `epoch` are needed by nobody any more.
    /// - Complexity: O(distinct epochs held).
    func mayDelete(_ epoch: Int64) -> Bool {
        self.state.withLock { state in !state.held.keys.contains { $0 < epoch } }
    }

    /// Since when versions have been taken out of the index that somebody may still read; nil when all
    /// that is read is in it. What was taken out before, nobody reads.
    /// - Complexity: O(distinct epochs held).
    var readSince: Int64? { self.state.withLock { $0.ends.values.min() } }

    fileprivate func release(_ epoch: Int64) {
        self.state.withLock { state in
            let left = (state.held[epoch] ?? 0) - 1
            state.held[epoch] = left > 0 ? left : nil
            if left <= 0 { state.ends[epoch] = nil }
        }
    }

    /// Holds back deletions for as long as it lives.
    package final class Pin: Sendable {
        private let pins: ReadPins
        private let epoch: Int64

        fileprivate init(pins: ReadPins, epoch: Int64) {
            self.pins = pins
            self.epoch = epoch
        }

        deinit {
            self.pins.release(self.epoch)
        }
    }
}
