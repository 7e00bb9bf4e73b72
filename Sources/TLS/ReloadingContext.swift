import Synchronization

/// A server's context that follows its files.
///
/// New handshakes ask for the ``context(at:)``, and where there are revocation lists whoever ends the
/// connections of the revoked; at most every ``Limits/reloadCheckInterval`` one of them looks at the
/// files and, if one has changed, loads all of them. If that fails, because only half of a new pair
/// is there yet or because somebody made a mistake, the last good context stays in use and the files
/// are tried again when they change again. Looking costs a `stat` per file, loading about a
/// millisecond; both happen on the calling thread.
package final class ReloadingContext: Sendable {
    /// What became of a change in the files.
    package enum Change: Sendable, Hashable {
        /// The new files are in use; what they hold may deserve warnings.
        case loaded(warnings: [String])
        /// The new files cannot be used; the last good ones stay.
        case refused(TLSError)
    }

    private struct State {
        var context: Context
        /// The files as they were just before they were last read, whether they were good or not.
        var stamps: [FileStamp?]
        var nextCheck: ContinuousClock.Instant
        /// The latest refusal, so that it is told once and not at every check.
        var refusal: TLSError?
    }

    private let settings: ServerSettings
    private let checkInterval: Duration
    private let onChange: @Sendable (Change) -> Void

    /// Protects the choice of context.
    ///
    /// Held while the files are looked at, so that one thread loads them and the others, who would
    /// need them too, wait for it.
    private let state: Mutex<State>

    /// Loads the files for the first time.
    /// - Parameters:
    ///   - now: the time of the caller's clock.
    ///   - checkInterval: how often, at most, to look at the files.
    ///   - onChange: is told of later changes, on whichever thread notices them.
    /// - Throws: ``TLSError/settings(_:)`` or ``TLSError/file(_:path:problem:)``.
    package init(
        _ settings: ServerSettings,
        at now: ContinuousClock.Instant,
        checkInterval: Duration = Limits.reloadCheckInterval,
        onChange: @escaping @Sendable (Change) -> Void
    ) throws(TLSError) {
        self.settings = settings
        self.checkInterval = checkInterval
        self.onChange = onChange
        let stamps = Self.stamps(of: settings)
        self.state = Mutex(
            State(
                context: try Context(server: settings),
                stamps: stamps,
                nextCheck: now + checkInterval,
                refusal: nil
            )
        )
    }

    /// The context for a new connection.
    /// - Parameter now: the time of the caller's clock.
    package func context(at now: ContinuousClock.Instant) -> Context {
        let (context, change) = self.state.withLock { state -> (Context, Change?) in
            guard now >= state.nextCheck else { return (state.context, nil) }
            state.nextCheck = now + self.checkInterval
            let change = self.refresh(&state)
            return (state.context, change)
        }
        if let change { self.onChange(change) }
        return context
    }

    /// Whether there are revocation lists, which may come to name the peer of an open connection.
    package var hasRevocationLists: Bool { !self.settings.revocationFiles.isEmpty }

    /// Whether the files as they are now cannot be used, so that older ones stay in use.
    package var isRefusing: Bool { self.state.withLock { $0.refusal != nil } }

    /// Loads the files if they have changed.
    /// - Returns: what is worth telling.
    private func refresh(_ state: inout State) -> Change? {
        // Stamped before reading: what is written meanwhile is noticed at the next check.
        let stamps = Self.stamps(of: self.settings)
        let wereSettled = state.stamps.allSatisfy { $0?.isSettled ?? true }
        let areSame = stamps == state.stamps
        if areSame, wereSettled { return nil }
        state.stamps = stamps
        do throws(TLSError) {
            state.context = try Context(server: self.settings)
            let isNews = !areSame || state.refusal != nil
            state.refusal = nil
            return isNews ? .loaded(warnings: state.context.warnings) : nil
        } catch {
            guard error != state.refusal else { return nil }
            state.refusal = error
            return .refused(error)
        }
    }

    private static func stamps(of settings: ServerSettings) -> [FileStamp?] {
        ([settings.certificateFile, settings.keyFile]
            + settings.trustedCAFiles + settings.revocationFiles)
            .map(FileStamp.init(path:))
    }
}
