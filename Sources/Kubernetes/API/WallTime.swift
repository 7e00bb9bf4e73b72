import FoundationEssentials
import Glibc

/// Times as objects of Kubernetes write them, in UTC.
package enum WallTime {
    /// Microseconds since 1970.
    package static func now() -> Int64 {
        Int64(Date().timeIntervalSince1970 * 1_000_000)
    }

    /// Seconds since 1970 as metav1.Time: `2026-11-23T13:04:05Z`.
    package static func text(seconds: Int64) -> String {
        Self.seconds(seconds) + "Z"
    }

    /// Microseconds since 1970 as metav1.MicroTime: `2026-11-23T13:04:05.000006Z`.
    ///
    /// API servers take six digits, no fewer.
    package static func text(microseconds: Int64) -> String {
        let fraction = microseconds % 1_000_000
        return Self.seconds(microseconds / 1_000_000) + "." + Self.padded(fraction, 6) + "Z"
    }

    /// Seconds since 1970 of a time in RFC 3339; nil when it is none.
    package static func seconds(of text: String) -> Int64? {
        let style = Date.ISO8601FormatStyle(includingFractionalSeconds: text.contains("."))
        return (try? style.parse(text)).map { Int64($0.timeIntervalSince1970.rounded(.down)) }
    }

    private static func seconds(_ seconds: Int64) -> String {
        var time = time_t(seconds)
        var parts = tm()
        gmtime_r(&time, &parts)
        let date = [
            self.padded(parts.tm_year + 1_900, 4), self.padded(parts.tm_mon + 1, 2),
            self.padded(parts.tm_mday, 2),
        ]
        let clock = [
            self.padded(parts.tm_hour, 2), self.padded(parts.tm_min, 2),
            self.padded(parts.tm_sec, 2),
        ]
        return date.joined(separator: "-") + "T" + clock.joined(separator: ":")
    }

    private static func padded(_ number: some BinaryInteger, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}
