package import ByreCore

/// A tenant's state at one committed revision, shared by all who read it.
///
/// A class, so that taking it costs one reference count.
package final class Snapshot: Sendable {
    package let state: TenantState

    init(_ state: TenantState) {
        self.state = state
    }
}

/// A snapshot whose rows stay readable for as long as it lives.
package struct PinnedSnapshot: Sendable {
    package let snapshot: Snapshot
    private let pin: ReadPins.Pin

    init(_ snapshot: Snapshot, pin: ReadPins.Pin) {
        self.snapshot = snapshot
        self.pin = pin
    }

    package var state: TenantState { self.snapshot.state }
}
