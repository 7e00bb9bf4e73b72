import Glibc

/// One line on standard error that is written over and over, for work that takes long.
struct ProgressLine {
    /// Shortest time between two states, in nanoseconds.
    private static let intervalNanoseconds: Int64 = 200_000_000

    private let isShown: Bool
    private let isTerminal: Bool
    private var nextAt: Int64 = 0
    private var width = 0

    /// - Parameter isWanted: show it even where nobody can see a line change.
    init(isWanted: Bool) {
        self.isTerminal = isatty(StandardStream.error.rawValue) == 1
        self.isShown = isWanted || self.isTerminal
    }

    /// Shows a state, unless the last one is too recent.
    mutating func show(_ text: @autoclosure () -> String) {
        guard self.isShown else { return }
        let now = Self.now()
        guard now >= self.nextAt else { return }
        self.nextAt = now + Self.intervalNanoseconds
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

    private static func now() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
