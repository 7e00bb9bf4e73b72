/// Where a session records what it was fed: events, and the header fields they refer to.
///
/// One object serves all sessions of an event loop, because a session's events are acted on before
/// the next session is fed. A block of header fields that is still incomplete when the input ends is
/// kept by its session meanwhile.
package final class SessionBuffers {
    /// One header field: a known name or the place of an unknown one, and the place of the value.
    package struct Field {
        package let name: HeaderName
        /// Where the name's bytes start; empty unless ``name`` is `other`.
        ///
        /// The value follows them.
        fileprivate let start: UInt32
        fileprivate let nameCount: UInt32
        fileprivate let valueCount: UInt32
    }

    @exclusivity(unchecked) var recorded: [SessionEvent] = []
    @exclusivity(unchecked) private var fieldList: [Field] = []
    @exclusivity(unchecked) private var bytes: [UInt8] = []

    package init() {}

    /// What was recorded, in order.
    package var events: [SessionEvent] { self.recorded }

    /// How many events were recorded.
    package var eventCount: Int { self.recorded.count }

    /// One event: for a driver that acts on it while more are recorded.
    package func event(at index: Int) -> SessionEvent { self.recorded[index] }

    /// The header fields that events refer to.
    package var fields: [Field] { self.fieldList }

    /// The bytes of an unknown name.
    ///
    /// Valid during `body` only.
    package func withName<Result>(
        of field: Field,
        _ body: (UnsafeRawBufferPointer) -> Result
    ) -> Result {
        let range = Int(field.start)..<Int(field.start + field.nameCount)
        return self.bytes.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[range])) }
    }

    /// The bytes of a value.
    ///
    /// Valid during `body` only.
    package func withValue<Result>(
        of field: Field,
        _ body: (UnsafeRawBufferPointer) -> Result
    ) -> Result {
        let start = Int(field.start + field.nameCount)
        let range = start..<start + Int(field.valueCount)
        return self.bytes.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[range])) }
    }

    /// Calls `body` with the bytes all fields lie in, to read many without a call each.
    package func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        self.bytes.withUnsafeBytes(body)
    }

    /// Forgets all events and fields, and keeps the memory.
    package func clear() {
        self.recorded.removeAll(keepingCapacity: true)
        self.fieldList.removeAll(keepingCapacity: true)
        self.bytes.removeAll(keepingCapacity: true)
    }

    /// Records one field.
    /// - Complexity: O(its length).
    func append(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) {
        let known = HeaderName(name)
        let start = UInt32(truncatingIfNeeded: self.bytes.count)
        if known == .other {
            self.bytes.append(contentsOf: name)
        }
        self.bytes.append(contentsOf: value)
        self.fieldList.append(
            Field(
                name: known,
                start: start,
                nameCount: known == .other ? UInt32(truncatingIfNeeded: name.count) : 0,
                valueCount: UInt32(truncatingIfNeeded: value.count)
            )
        )
    }

    /// Takes the fields from `first` on away, to be put back by ``restore(_:)``.
    func hold(from first: Int) -> HeldFields {
        guard first < self.fieldList.count else { return HeldFields(fields: [], bytes: []) }
        let start = Int(self.fieldList[first].start)
        let held = HeldFields(
            fields: self.fieldList[first...].map {
                Field(
                    name: $0.name,
                    start: $0.start - UInt32(start),
                    nameCount: $0.nameCount,
                    valueCount: $0.valueCount
                )
            },
            bytes: Array(self.bytes[start...])
        )
        self.fieldList.removeSubrange(first...)
        self.bytes.removeSubrange(start...)
        return held
    }

    /// - Precondition: no field is recorded yet.
    func restore(_ held: HeldFields) {
        precondition(self.fieldList.isEmpty, "held fields come first")
        self.fieldList.append(contentsOf: held.fields)
        self.bytes.append(contentsOf: held.bytes)
    }
}

extension SessionBuffers.Field {
    /// Where the value lies in ``SessionBuffers/withBytes(_:)``.
    package var valueRange: Range<Int> {
        let start = Int(self.start + self.nameCount)
        return start..<start + Int(self.valueCount)
    }

    /// Where the name lies in ``SessionBuffers/withBytes(_:)``; empty for a known name.
    package var nameRange: Range<Int> {
        Int(self.start)..<Int(self.start + self.nameCount)
    }
}

/// Header fields of a block that is not complete yet.
struct HeldFields {
    var fields: [SessionBuffers.Field]
    var bytes: [UInt8]
}
