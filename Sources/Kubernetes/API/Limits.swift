/// How much of a cluster this client holds, and how long it waits.
package enum Limits {
    /// Objects of a page of a list.
    static let pageObjectsMax = 500
    /// Objects of one kind that are followed.
    ///
    /// With more, listing fails, and says so.
    static let objectsMax = 20_000
    /// Bytes of an answer that is no watch: a page of large objects.
    ///
    /// What is larger fails.
    static let answerBytesMax = 64 << 20
    /// Bytes of one event of a watch: etcd holds objects of 1.5 MiB.
    ///
    /// A longer one ends the watch, and everything is listed anew.
    static let eventBytesMax = 8 << 20
    /// Characters of a server's message that are kept.
    static let messageCharactersMax = 1_024
    /// Bytes of a token file or a kubeconfig.
    ///
    /// A larger one is refused.
    static let fileBytesMax = 1 << 20

    /// How long an answer may stay away.
    static let answerPatience = Duration.seconds(20)
    /// How often one request is sent when the server says that it is busy.
    static let attemptsMax = 3
    /// The longest that a server may have a request wait before its next attempt.
    static let retryAfterSecondsMax: Int64 = 10

    /// How often a thread that waits for a server looks whether it is to stop.
    static let stopInterval = Duration.milliseconds(500)
    /// A watch that is silent for so long is asked with a PING whether it is alive.
    static let watchPingInterval = Duration.seconds(30)
    /// Between this and twice this, in seconds, a server ends a watch, so that watches spread over
    /// servers again.
    static let watchSecondsMin = 300
    /// How long a token that was read from a file is used before it is read again.
    static let tokenLifetime = Duration.seconds(60)
}
