import FoundationEssentials
import Glibc

/// Times of the wall clock for log lines.
package enum Timestamp {
    /// Nanoseconds since 1970, true to a microsecond.
    package static func now() -> Int64 {
        Int64(Date().timeIntervalSince1970 * 1_000_000) * 1_000
    }

    /// The time in UTC to the microsecond, as `2026-02-03T04:05:06.000007Z` (RFC 3339).
    package static func text(nanoseconds: Int64) -> String {
        var seconds = time_t(nanoseconds / 1_000_000_000)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        let microseconds = nanoseconds % 1_000_000_000 / 1_000
        let date = [
            padded(parts.tm_year + 1_900, 4), padded(parts.tm_mon + 1, 2), padded(parts.tm_mday, 2),
        ]
        let time = [padded(parts.tm_hour, 2), padded(parts.tm_min, 2), padded(parts.tm_sec, 2)]
        return date.joined(separator: "-") + "T" + time.joined(separator: ":") + "."
            + padded(microseconds, 6) + "Z"
    }

    private static func padded(_ number: some BinaryInteger, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}
