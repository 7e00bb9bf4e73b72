import FoundationEssentials
import Glibc

/// What the process takes of the machine, as Linux counts it.
///
/// Linux: <https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html>
package struct ProcessUsage: Sendable {
    package let residentBytes: Int
    package let virtualBytes: Int
    /// Time on processors, in user mode and in the kernel.
    package let cpuNanoseconds: Int64
    package let openFiles: Int
    /// When the process began, in nanoseconds since 1970.
    package let startNanoseconds: Int64

    /// Reads it now.
    /// - Returns: nil where there is no `/proc`.
    package init?() {
        guard let stat = Self.read("/proc/self/stat"), let system = Self.read("/proc/stat"),
            let files = try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")
        else { return nil }
        // The second field is the program's name in parentheses and may hold anything.
        guard let nameEnd = stat.lastIndex(of: ")") else { return nil }
        let fields = stat[nameEnd...].split(separator: " ").dropFirst().map { Int($0) ?? 0 }
        let bootLine = system.split(separator: "\n").first { $0.hasPrefix("btime ") }
        guard let boot = bootLine.flatMap({ Int64($0.dropFirst("btime ".count)) }) else {
            return nil
        }
        // Fields are counted from 3, the first after the name.
        func field(_ number: Int) -> Int {
            fields.indices.contains(number - 3) ? fields[number - 3] : 0
        }
        let tick = 1_000_000_000 / Int64(max(1, sysconf(CInt(_SC_CLK_TCK))))
        self.cpuNanoseconds = Int64(field(14) + field(15)) * tick
        self.startNanoseconds = boot * 1_000_000_000 + Int64(field(22)) * tick
        self.virtualBytes = field(23)
        self.residentBytes = field(24) * Int(sysconf(CInt(_SC_PAGESIZE)))
        self.openFiles = files.count
    }

    private static func read(_ path: String) -> String? {
        FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }
    }
}
