import CLinux
import Glibc

/// What a process, with all below it, has used so far, as /proc tells it.
package struct ProcessUse: Sendable {
    package var cpuSeconds = 0.0
    package var residentBytes = 0.0
    /// Bytes sent to storage; 0 when this user may not know.
    package var writtenBytes = 0.0
    package var readCalls = 0.0
    package var writeCalls = 0.0

    private static let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))
    private static let pageBytes = Double(sysconf(Int32(_SC_PAGESIZE)))

    /// The sum over processes and their children.
    package init(of processes: [Int32]) {
        for process in processes { self.add(process) }
    }

    private mutating func add(_ process: Int32) {
        let folder = "/proc/\(process)"
        guard let stat = Self.text("\(folder)/stat"), let close = stat.lastIndex(of: ")") else {
            return
        }
        // After the name: state is field 3 of proc(5), utime 14, rss 24.
        let fields = stat[stat.index(after: close)...].split(separator: " ")
        guard fields.count > 22 else { return }
        // With the time of children that have ended.
        for index in 11...14 { self.cpuSeconds += (Double(fields[index]) ?? 0) / Self.ticks }
        self.residentBytes += (Double(fields[21]) ?? 0) * Self.pageBytes
        for line in (Self.text("\(folder)/io") ?? "").split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count == 2, let value = Double(words[1]) else { continue }
            switch words[0] {
            case "write_bytes:": self.writtenBytes += value
            case "syscr:": self.readCalls += value
            case "syscw:": self.writeCalls += value
            default: break
            }
        }
        let children = Self.text("\(folder)/task/\(process)/children") ?? ""
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

    private static func text(_ path: String) -> String? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 16 << 10)
        let count = read(file, &bytes, bytes.count)
        guard count >= 0 else { return nil }
        return String(decoding: bytes[..<count], as: UTF8.self)
    }
}
