/// The open streams of a tenant, each in a slot that its id names.
///
/// Every wake-up and every drain looks its stream up, so that must cost next to nothing.
struct WatchStreams {
    private var slots: [WatchStream?] = []
    private var freeSlots: [Int32] = []
    private var lastSerial: UInt64 = 0

    init() {}

    var count: Int { self.slots.count - self.freeSlots.count }

    /// All of them, in no order.
    /// - Complexity: O(most streams that were open at once).
    var all: [WatchStream] { self.slots.compactMap { $0 } }

    /// The stream of that id; nil if it is closed or never was.
    /// - Complexity: O(1).
    subscript(id: WatchStreamID) -> WatchStream? {
        let slot = Int(id.slot)
        guard slot < self.slots.count, let stream = self.slots[slot], stream.id == id else {
            return nil
        }
        return stream
    }

    /// Makes an id and puts the stream made for it into its slot.
    /// - Precondition: there are fewer than `Int32.max`.
    mutating func open(loop: Int32, _ make: (WatchStreamID) -> WatchStream) -> WatchStreamID {
        self.lastSerial += 1
        let slot = self.freeSlots.popLast() ?? Int32(self.slots.count)
        let id = WatchStreamID(serial: self.lastSerial, slot: slot, loop: loop)
        let stream = make(id)
        if Int(slot) == self.slots.count {
            self.slots.append(stream)
        } else {
            self.slots[Int(slot)] = stream
        }
        return id
    }

    /// Takes a stream out, whose slot is free then.
    mutating func remove(_ id: WatchStreamID) -> WatchStream? {
        guard let stream = self[id] else { return nil }
        self.slots[Int(id.slot)] = nil
        self.freeSlots.append(id.slot)
        return stream
    }
}
