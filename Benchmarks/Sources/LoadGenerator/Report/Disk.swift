import CLinux
import Glibc

/// The disk beneath a directory, as the kernel counts what it does, whoever asks it.
///
/// What processes are said to have written (`write_bytes` of proc(5)) is of no use for this: for each
/// small write it counts the whole piece of the file that the kernel keeps together in memory, which
/// may be 1 MiB.
package struct Disk: Sendable, Hashable {
    /// What a disk has done since the machine started.
    package struct Use: Sendable, Hashable {
        package var writtenBytes = 0.0
        package var flushes = 0.0
        /// Requests of all kinds that it has finished, and those it is at work on.
        package var finished = 0.0
        package var inFlight = 0.0

        package init() {}
    }

    private static let sectorBytes = 512.0
    /// The file of its counts.
    private let path: String

    /// - Returns: nil when no disk is known beneath `folder`: it may be in memory, or far away.
    package init?(beneath folder: String) {
        var status = stat()
        guard stat(folder, &status) == 0 else { return nil }
        let number = "\(byre_major(status.st_dev)):\(byre_minor(status.st_dev))"
        let device = "/sys/dev/block/\(number)"
        // Flushes are counted for the whole disk alone.
        let isPartition = access("\(device)/partition", F_OK) == 0
        self.path = isPartition ? "\(device)/../stat" : "\(device)/stat"
        guard self.use != nil else { return nil }
    }

    package var use: Use? { SmallFile.text(self.path).flatMap(Self.parse) }

    /// Reads a line of counts.
    ///
    /// Source: the kernel's `Documentation/block/stat.rst`. Kernels before 5.5 count no flushes.
    package static func parse(_ line: String) -> Use? {
        let fields = line.split { $0 == " " || $0 == "\n" }.map { Double($0) ?? 0 }
        guard fields.count >= 11 else { return nil }
        var use = Use()
        use.writtenBytes = fields[6] * Self.sectorBytes
        use.inFlight = fields[8]
        use.finished = fields[0] + fields[4]
        if fields.count >= 17 {
            use.flushes = fields[15]
            use.finished += fields[11] + fields[15]
        }
        return use
    }
}
