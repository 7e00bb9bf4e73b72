package import Dispatch
import Synchronization

/// Tells the reconciler that declarations may be different; any thread may.
package final class Wakeup: Sendable {
    /// What has come since somebody last looked.
    package struct News: Hashable, Sendable {
        /// Whether everything is to be looked at.
        package var all = false
        /// Declarations that are.
        package var keys: Set<DeclarationKey> = []

        package init() {}

        package var isEmpty: Bool { !self.all && self.keys.isEmpty }
    }

    /// Above this many declarations, all are looked at.
    static let keysMax = 10_000

    private struct State {
        var news = News()
        var isStopping = false
    }

    private let state = Mutex(State())
    /// Raised once for each time that there begins to be news.
    private let arrival = DispatchSemaphore(value: 0)

    package init() {}

    /// Has one declaration looked at, or all.
    package func wake(_ key: DeclarationKey? = nil) {
        self.change { state in
            guard let key, state.news.keys.count < Self.keysMax else {
                state.news.all = true
                return
            }
            state.news.keys.insert(key)
        }
    }

    /// Ends the reconciler.
    package func stop() {
        self.change { $0.isStopping = true }
    }

    package var isStopping: Bool { self.state.withLock(\.isStopping) }

    private func change(_ body: (inout State) -> Void) {
        let isFirst = self.state.withLock { state in
            let wasQuiet = state.news.isEmpty && !state.isStopping
            body(&state)
            return wasQuiet
        }
        if isFirst { self.arrival.signal() }
    }

    /// Waits for news, until a moment has come or the end.
    /// - Returns: what has come; it will not come again.
    package func wait(until moment: DispatchTime) -> News {
        while true {
            let (news, isStopping) = self.state.withLock { state in
                defer { state.news = News() }
                return (state.news, state.isStopping)
            }
            if isStopping || !news.isEmpty { return news }
            if self.arrival.wait(timeout: moment) == .timedOut { return News() }
        }
    }
}
