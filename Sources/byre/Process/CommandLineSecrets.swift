import FoundationEssentials
import Glibc

/// Passwords on the command line, which every user of the machine can read with `ps`.
enum CommandLineSecrets {
    /// Bytes of a command line that are looked at; more is nothing that anybody typed.
    private static let bytesMax = 1 << 20

    /// Overwrites the passwords of databases in this process's command line.
    ///
    /// Called once, first, while there is one thread, and after the arguments were copied. Between
    /// the start of the process and this moment they could be read: the environment, a file or
    /// libpq's password file are the better places.
    ///
    /// Linux: proc_pid_stat(5), `arg_start` and `arg_end`.
    static func hide() {
        guard let stat = try? Data(contentsOf: URL(filePath: "/proc/self/stat")),
            let name = stat.lastIndex(of: UInt8(ascii: ")"))
        else { return }
        // Field 3 is the first one after the program's name.
        let fields = stat[name...].dropFirst(2).split(separator: UInt8(ascii: " "))
        guard fields.count > 46,
            let start = UInt(String(decoding: fields[45], as: UTF8.self)),
            let end = UInt(String(decoding: fields[46], as: UTF8.self)),
            start < end, end - start < Self.bytesMax,
            let memory = UnsafeMutablePointer<UInt8>(bitPattern: start)
        else { return }
        let bytes = UnsafeMutableBufferPointer(start: memory, count: Int(end - start))
        var first = bytes.startIndex
        while let zero = bytes[first...].firstIndex(of: 0) {
            let argument = Array(bytes[first..<zero])
            if argument.firstRange(of: Array("postgres".utf8)) != nil {
                for range in URLSecrets.ranges(in: argument) {
                    for index in range { bytes[first + index] = UInt8(ascii: "*") }
                }
            }
            first = zero + 1
        }
    }
}
