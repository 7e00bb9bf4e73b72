/// Where a session records what it was fed: events, and the header fields they refer to.
///
/// One object serves all sessions of an event loop, because a session's events are acted on before
/// the next session is fed. A block of header fields that is still incomplete when the input ends is
/// kept by its session meanwhile. The memory of these sessions comes from here, too.
package final class SessionBuffers {
    @exclusivity(unchecked) var recorded: [SessionEvent] = []
    @exclusivity(unchecked) private var fieldList: [HeaderField] = []
    /// What nghttp2 allocates for the sessions.
    let pool = BlockPool()

    package init() {}

    deinit {
        for field in self.fieldList { field.release() }
    }

    /// What was recorded, in order.
    package var events: [SessionEvent] { self.recorded }

    /// How many events were recorded.
    package var eventCount: Int { self.recorded.count }

    /// One event: for a driver that acts on it while more are recorded.
    package func event(at index: Int) -> SessionEvent { self.recorded[index] }

    /// The header fields that events refer to; valid until ``clear()``.
    package var fields: [HeaderField] { self.fieldList }

    /// Forgets all events and fields, and keeps the memory.
    package func clear() {
        if !self.recorded.isEmpty { self.recorded.removeAll(keepingCapacity: true) }
        guard !self.fieldList.isEmpty else { return }
        for field in self.fieldList { field.release() }
        self.fieldList.removeAll(keepingCapacity: true)
    }

    /// Records one field.
    func append(_ field: HeaderField) {
        field.retain()
        self.fieldList.append(field)
    }

    /// How many fields were recorded.
    var fieldCount: Int { self.fieldList.count }

    /// Takes the fields from `first` on away, to be put back by ``restore(_:)`` or released.
    func hold(from first: Int) -> [HeaderField] {
        let held = Array(self.fieldList[first...])
        self.fieldList.removeSubrange(first...)
        return held
    }

    /// - Precondition: no field is recorded yet.
    func restore(_ held: [HeaderField]) {
        precondition(self.fieldList.isEmpty, "held fields come first")
        self.fieldList.append(contentsOf: held)
    }
}
