package import ByreCore
import Synchronization

/// Values of rows, held in memory up to a number of bytes.
///
/// Sharded, so that event loops do not meet; each shard evicts by the clock algorithm: a hand passes
/// over the slots and takes the first that was not used since the last round.
package final class ValueCache: Sendable {
    /// What an entry counts for beside its value: slot, dictionary entry and array header.
    static let entryOverhead = 96
    private static let shardCount = 16

    private let shards: [Shard]

    /// - Parameter capacity: bytes held in all, overhead included.
    package init(capacity: Int) {
        self.shards = (0..<Self.shardCount).map { _ in
            Shard(capacity: capacity / Self.shardCount)
        }
    }

    package func value(of row: RowID) -> Bytes? {
        self.shard(row).value(of: row)
    }

    package func insert(_ value: Bytes, of row: RowID) {
        self.shard(row).insert(value, of: row)
    }

    /// Forgets rows that are deleted.
    package func remove(_ rows: some Sequence<RowID>) {
        for row in rows { self.shard(row).remove(row) }
    }

    /// Bytes held at the moment, overhead included.
    package var bytes: Int { self.shards.reduce(0) { $0 + $1.bytes } }

    private func shard(_ row: RowID) -> Shard {
        self.shards[Int(truncatingIfNeeded: row.rawValue) & (Self.shardCount - 1)]
    }

    private final class Shard: Sendable {
        private struct Slot {
            var row: RowID
            var value: Bytes
            var isUsed: Bool
        }

        private struct State: ~Copyable {
            var places: [RowID: Int] = [:]
            var slots: [Slot] = []
            var free: [Int] = []
            var hand = 0
            var bytes = 0
        }

        private let capacity: Int
        private let state = Mutex(State())

        init(capacity: Int) {
            self.capacity = capacity
        }

        var bytes: Int { self.state.withLock { $0.bytes } }

        func value(of row: RowID) -> Bytes? {
            self.state.withLock { state in
                guard let place = state.places[row] else { return nil }
                state.slots[place].isUsed = true
                return state.slots[place].value
            }
        }

        func insert(_ value: Bytes, of row: RowID) {
            let size = value.count + ValueCache.entryOverhead
            guard size <= self.capacity else { return }
            self.state.withLock { state in
                guard state.places[row] == nil else { return }
                while state.bytes + size > self.capacity { Self.evict(&state) }
                let slot = Slot(row: row, value: value, isUsed: false)
                if let place = state.free.popLast() {
                    state.slots[place] = slot
                    state.places[row] = place
                } else {
                    state.places[row] = state.slots.count
                    state.slots.append(slot)
                }
                state.bytes += size
            }
        }

        func remove(_ row: RowID) {
            self.state.withLock { state in
                guard let place = state.places[row] else { return }
                Self.clear(place, &state)
            }
        }

        /// Takes out one entry that has not been used since the hand last passed.
        /// - Precondition: there is one.
        private static func evict(_ state: inout State) {
            while true {
                if state.hand >= state.slots.count { state.hand = 0 }
                let place = state.hand
                state.hand += 1
                guard state.places[state.slots[place].row] == place else { continue }
                guard state.slots[place].isUsed else {
                    self.clear(place, &state)
                    return
                }
                state.slots[place].isUsed = false
            }
        }

        private static func clear(_ place: Int, _ state: inout State) {
            let slot = state.slots[place]
            state.places[slot.row] = nil
            state.bytes -= slot.value.count + ValueCache.entryOverhead
            state.slots[place].value = []
            state.free.append(place)
        }
    }
}
