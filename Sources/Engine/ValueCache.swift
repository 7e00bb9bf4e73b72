package import ByreCore
import Synchronization

/// Values of rows, held in memory up to a number of bytes.
///
/// Sharded, so that event loops do not meet. Within a shard each tenant's entries form a ring with a
/// clock's hand on it, which passes over the entries and takes out the first that was not used since
/// the last round. Room is made by tenants that hold more than the average, so one that fills the
/// cache does so at its own cost; but for every eighth entry, which may be anyone's that is not
/// used, so that tenants that went quiet hand theirs over as the cache is filled some times anew.
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

    package func insert(_ value: Bytes, of row: RowID, tenant: TenantID) {
        self.shard(row).insert(value, of: row, tenant: tenant)
    }

    /// Keeps a value if there is room, or if what would have to go has not been used: for reads of much
    /// that may not be read again.
    package func offer(_ value: Bytes, of row: RowID, tenant: TenantID) {
        self.shard(row).insert(value, of: row, tenant: tenant, sparingUsed: true)
    }

    /// Forgets rows that are deleted.
    package func remove(_ rows: some Sequence<RowID>) {
        for row in rows { self.shard(row).remove(row) }
    }

    /// Bytes held at the moment, overhead included.
    package var bytes: Int { self.shards.reduce(0) { $0 + $1.bytes } }

    /// How often a value that was asked for was there, and how often not.
    package var lookups: (hits: Int, misses: Int) {
        self.shards.reduce((0, 0)) { sum, shard in
            let lookups = shard.lookups
            return (sum.0 + lookups.hits, sum.1 + lookups.misses)
        }
    }

    /// Bytes held for one tenant, overhead included.
    package func bytes(of tenant: TenantID) -> Int {
        self.shards.reduce(0) { $0 + $1.bytes(of: tenant) }
    }

    private func shard(_ row: RowID) -> Shard {
        self.shards[Int(truncatingIfNeeded: row.rawValue) & (Self.shardCount - 1)]
    }

    fileprivate final class Shard: Sendable {
        fileprivate struct Slot {
            var row: RowID
            var value: Bytes
            var isUsed = false
            /// The ring it is in, and its neighbours there.
            var ring: Int32
            var next: Int32 = 0
            var previous: Int32 = 0

            var size: Int { self.value.count + ValueCache.entryOverhead }
        }

        /// The entries of one tenant; the oldest first, from the hand on.
        fileprivate struct Ring {
            var tenant: TenantID
            /// Slot that is looked at next.
            var hand: Int32 = -1
            var bytes = 0
            var count = 0
        }

        fileprivate struct State: ~Copyable {
            var places: [RowID: Int] = [:]
            var slots: [Slot] = []
            var free: [Int] = []
            var bytes = 0
            var rings: [Ring] = []
            var ringOf: [TenantID: Int32] = [:]
            var freeRings: [Int32] = []
            /// Ring that the newest entry is in, if there is one.
            var newestRing: Int32?
            /// Ring that made room last, and ring that was last looked at for its age.
            var richRing = 0
            var agedRing = 0
            /// Entries of `agedRing` still to be looked at.
            var agedEntriesLeft = 0
            var evictions = 0
            var hits = 0
            var misses = 0
        }

        private let capacity: Int
        private let state = Mutex(State())

        init(capacity: Int) {
            self.capacity = capacity
        }

        var bytes: Int { self.state.withLock { $0.bytes } }

        func value(of row: RowID) -> Bytes? {
            self.state.withLock { state in
                guard let place = state.places[row] else {
                    state.misses += 1
                    return nil
                }
                state.hits += 1
                state.slots[place].isUsed = true
                return state.slots[place].value
            }
        }

        var lookups: (hits: Int, misses: Int) {
            self.state.withLock { ($0.hits, $0.misses) }
        }

        func bytes(of tenant: TenantID) -> Int {
            self.state.withLock { state in
                state.ringOf[tenant].map { state.rings[Int($0)].bytes } ?? 0
            }
        }

        func insert(
            _ value: Bytes,
            of row: RowID,
            tenant: TenantID,
            sparingUsed: Bool = false
        ) {
            let size = value.count + ValueCache.entryOverhead
            guard size <= self.capacity else { return }
            self.state.withLock { state in
                while state.bytes + size > self.capacity {
                    guard !sparingUsed || state.evictUnused() else { return }
                    if !sparingUsed { state.evict() }
                }
                let place = state.free.last ?? state.slots.count
                // Hardly ever is it there already, and so it is looked for by putting it in.
                if let known = state.places.updateValue(place, forKey: row) {
                    state.places[row] = known
                    return
                }
                let slot = Slot(row: row, value: value, ring: state.ring(of: tenant))
                if place == state.slots.count {
                    state.slots.append(slot)
                } else {
                    state.free.removeLast()
                    state.slots[place] = slot
                }
                state.link(place)
            }
        }

        func remove(_ row: RowID) {
            self.state.withLock { state in
                guard let place = state.places[row] else { return }
                state.clear(place)
            }
        }
    }
}

extension ValueCache.Shard.State {
    /// Takes out one entry.
    /// - Precondition: there is one.
    fileprivate mutating func evict() {
        self.evictions &+= 1
        if self.evictions.isMultiple(of: 8), self.evictAged() { return }
        self.turnToRich()
        while !self.passHand(of: self.richRing) {}
    }

    /// Has `richRing` be of a tenant that holds the average or more; at least one does.
    private mutating func turnToRich() {
        let average = self.bytes / self.ringOf.count
        while self.rings[self.richRing].bytes < max(average, 1) {
            self.richRing = self.richRing + 1 < self.rings.count ? self.richRing + 1 : 0
        }
    }

    /// Takes out an entry of who holds most, if one of the next few under the hand was not used. Those
    /// that were do not age by it.
    fileprivate mutating func evictUnused() -> Bool {
        self.turnToRich()
        for _ in 0..<Self.looksMax {
            let place = Int(self.rings[self.richRing].hand)
            guard self.slots[place].isUsed else {
                self.clear(place)
                return true
            }
            self.rings[self.richRing].hand = self.slots[place].next
        }
        return false
    }

    /// Entries that are looked at for one that was not used.
    private static var looksMax: Int { 4 }

    /// Takes out the next of all entries, unless it was used: one tenant's after another's, so that
    /// however few somebody has, each is looked at as seldom as the others'.
    private mutating func evictAged() -> Bool {
        while self.agedEntriesLeft == 0 || self.rings[self.agedRing].count == 0 {
            self.agedRing = self.agedRing + 1 < self.rings.count ? self.agedRing + 1 : 0
            self.agedEntriesLeft = self.rings[self.agedRing].count
        }
        self.agedEntriesLeft -= 1
        return self.passHand(of: self.agedRing)
    }

    /// Looks at the entry under the hand: takes it out, or lets it stay for another round if it was
    /// used.
    private mutating func passHand(of ring: Int) -> Bool {
        let place = Int(self.rings[ring].hand)
        guard self.slots[place].isUsed else {
            self.clear(place)
            return true
        }
        self.slots[place].isUsed = false
        self.rings[ring].hand = self.slots[place].next
        return false
    }

    /// The ring of a tenant, made if there is none.
    fileprivate mutating func ring(of tenant: TenantID) -> Int32 {
        if let ring = self.newestRing, self.rings[Int(ring)].tenant == tenant { return ring }
        if let ring = self.ringOf[tenant] {
            self.newestRing = ring
            return ring
        }
        let ring = self.freeRings.popLast() ?? Int32(self.rings.count)
        if ring == self.rings.count {
            self.rings.append(ValueCache.Shard.Ring(tenant: tenant))
        } else {
            self.rings[Int(ring)] = ValueCache.Shard.Ring(tenant: tenant)
        }
        self.ringOf[tenant] = ring
        self.newestRing = ring
        return ring
    }

    /// Adds a slot to the end of its ring.
    fileprivate mutating func link(_ place: Int) {
        let ring = Int(self.slots[place].ring)
        let slot = Int32(place)
        let first = self.rings[ring].hand
        if first < 0 {
            self.slots[place].next = slot
            self.slots[place].previous = slot
            self.rings[ring].hand = slot
        } else {
            let last = self.slots[Int(first)].previous
            self.slots[place].next = first
            self.slots[place].previous = last
            self.slots[Int(last)].next = slot
            self.slots[Int(first)].previous = slot
        }
        let size = self.slots[place].size
        self.rings[ring].bytes += size
        self.rings[ring].count += 1
        self.bytes += size
    }

    /// Empties a slot.
    fileprivate mutating func clear(_ place: Int) {
        let slot = self.slots[place]
        let ring = Int(slot.ring)
        self.places[slot.row] = nil
        self.bytes -= slot.size
        self.rings[ring].bytes -= slot.size
        self.rings[ring].count -= 1
        if slot.next == place {
            self.ringOf[self.rings[ring].tenant] = nil
            self.rings[ring].hand = -1
            self.freeRings.append(slot.ring)
            if self.newestRing == slot.ring { self.newestRing = nil }
        } else {
            self.slots[Int(slot.next)].previous = slot.previous
            self.slots[Int(slot.previous)].next = slot.next
            if self.rings[ring].hand == place { self.rings[ring].hand = slot.next }
        }
        self.slots[place].value = []
        self.free.append(place)
    }
}
