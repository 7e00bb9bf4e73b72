/// Names a watcher within its stream.
///
/// A client may choose any number; 0 asks for one to be picked.
package struct WatchID: RawRepresentable, Hashable, Comparable, Sendable {
    package let rawValue: Int64

    package init(rawValue: Int64) {
        self.rawValue = rawValue
    }

    /// What a request holds that lets the server choose.
    package static let automatic = WatchID(rawValue: 0)

    /// What a refused creation, and progress of a whole stream, are answered with.
    package static let invalid = WatchID(rawValue: -1)

    package static func < (a: WatchID, b: WatchID) -> Bool { a.rawValue < b.rawValue }
}

/// Names an open Watch call of a tenant.
///
/// Never used again after the call ended.
package struct WatchStreamID: Hashable, Sendable {
    package let serial: UInt64
    /// A small number that no other open stream of the tenant has.
    package let slot: Int32
    /// The event loop that drains the stream: the driver's number, handed back with each wake-up.
    package let loop: Int32

    init(serial: UInt64, slot: Int32, loop: Int32) {
        self.serial = serial
        self.slot = slot
        self.loop = loop
    }
}
