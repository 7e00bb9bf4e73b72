import Glibc

/// One line on standard error that is written over and over, for work that takes long.
struct ProgressLine {
    /// Shortest time between two states.
    private static let interval = Duration.milliseconds(200)

    private let isShown: Bool
    private let isTerminal: Bool
    private var next = ContinuousClock.now
    private var width = 0

    /// - Parameter isWanted: show it even where nobody can see a line change.
    init(isWanted: Bool) {
        self.isTerminal = isatty(StandardStream.error.rawValue) == 1
        self.isShown = isWanted || self.isTerminal
    }

    /// Shows a state, unless the last one is too recent.
    mutating func show(_ text: @autoclosure () -> String) {
        guard self.isShown else { return }
        let now = ContinuousClock.now
        guard now >= self.next else { return }
        self.next = now + Self.interval
        self.write(text())
    }

    /// Shows the last state, and leaves the line.
    mutating func end(_ text: @autoclosure () -> String) {
        guard self.isShown else { return }
        self.write(text())
        if self.isTerminal { StandardStream.error.write("\n") }
    }

    private mutating func write(_ text: String) {
        guard self.isTerminal else {
            StandardStream.error.write(text + "\n")
            return
        }
        let padding = String(repeating: " ", count: max(0, self.width - text.count))
        self.width = text.count
        StandardStream.error.write("\r" + text + padding)
    }
}
