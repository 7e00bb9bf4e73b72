/// How the reconciler goes about its work, and what it takes from outside.
package struct ReconcilerSettings: Sendable {
    /// Declarations that are worked on at the same time, each on a connection of its own.
    package var workers = 4
    /// How often everything is looked at, when nobody says that anything is different.
    package var resyncInterval = Duration.seconds(60)
    /// The pause between two attempts.
    package var retry = Backoff(first: .milliseconds(500), bound: .seconds(120))
    /// With `--once`: how often a declaration is tried.
    package var attemptsMax = 5

    /// Times that a declaration is planned for in one go: what a step leaves to do, or somebody else
    /// changes meanwhile, is done in the next. At the bound it counts as a failure and is tried again.
    static let roundsMax = 4

    /// Seconds since 1970.
    package var now: @Sendable () -> Int64
    /// Nanoseconds of a clock that never goes back.
    package var monotonicNanoseconds: @Sendable () -> Int64
    /// A number from 0 up to, not including, 1.
    package var random: @Sendable () -> Double
    /// A new password for an SQL reader.
    package var password: @Sendable () -> String

    package init(
        now: @escaping @Sendable () -> Int64,
        monotonicNanoseconds: @escaping @Sendable () -> Int64,
        random: @escaping @Sendable () -> Double,
        password: @escaping @Sendable () -> String
    ) {
        self.now = now
        self.monotonicNanoseconds = monotonicNanoseconds
        self.random = random
        self.password = password
    }
}

/// What the reconciler tells while it works, for logs and for tests that stop it in between.
package enum ReconcilerEvent: Hashable, Sendable {
    case begins(DeclarationKey, Step)
    case did(DeclarationKey, Step)
    case failed(DeclarationKey, StepFailure)
    /// The declarations cannot be read.
    case sourceFailed(SourceFailure)
    /// It cannot be told to the source how it went.
    case reportFailed(DeclarationKey, SourceFailure)
    /// The server cannot be asked for its tenants.
    case serverFailed(AdminFailure)
    /// All declarations were looked at.
    case pass(PassResult)
}

/// What came of looking at all declarations once.
package struct PassResult: Hashable, Sendable {
    package var declarations = 0
    /// Those that are as declared, and those whose removal is done.
    package var ready = 0
    package var notReady = 0
    /// Those whose last attempt failed.
    package var failures = 0

    package init() {}
}
