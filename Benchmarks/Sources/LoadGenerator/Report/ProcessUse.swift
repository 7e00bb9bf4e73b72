import CLinux
import Glibc

/// What a process, with all below it, has used so far, as /proc tells it.
package struct ProcessUse: Sendable {
    package var cpuSeconds = 0.0
    package var residentBytes = 0.0

    private static let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))
    private static let pageBytes = Double(sysconf(Int32(_SC_PAGESIZE)))

    /// The sum over processes and their children.
    package init(of processes: [Int32]) {
        for process in processes { self.add(process) }
    }

    private mutating func add(_ process: Int32) {
        let folder = "/proc/\(process)"
        guard let stat = SmallFile.text("\(folder)/stat"), let close = stat.lastIndex(of: ")")
        else {
            return
        }
        // After the name: state is field 3 of proc(5), utime 14, rss 24.
        let fields = stat[stat.index(after: close)...].split(separator: " ")
        guard fields.count > 22 else { return }
        // With the time of children that have ended.
        for index in 11...14 { self.cpuSeconds += (Double(fields[index]) ?? 0) / Self.ticks }
        self.residentBytes += (Double(fields[21]) ?? 0) * Self.pageBytes
        let children = SmallFile.text("\(folder)/task/\(process)/children") ?? ""
        for child in children.split(separator: " ") {
            if let child = Int32(child) { self.add(child) }
        }
    }

    /// CPU seconds of this process.
    package static var ownCPUSeconds: Double {
        var use = rusage()
        getrusage(Int32(RUSAGE_SELF.rawValue), &use)
        let seconds = use.ru_utime.tv_sec + use.ru_stime.tv_sec
        let microseconds = use.ru_utime.tv_usec + use.ru_stime.tv_usec
        return Double(seconds) + Double(microseconds) / 1e6
    }
}
