import Glibc

/// Where log lines go: one or more open files.
///
/// Each line is one `write`, so lines of several threads do not mix.
package struct LogSink: Sendable {
    private let write: @Sendable (_ line: String) -> Void

    /// Makes a sink that hands each line, without its line feed, to `write`.
    package init(_ write: @escaping @Sendable (_ line: String) -> Void) {
        self.write = write
    }

    /// Opens the outputs that `--log-outputs` names: `stderr`, `default`, `stdout`, or paths of
    /// files, which are appended to.
    /// - Throws: ``StartError`` when a file cannot be opened.
    package init(outputs: [String]) throws(StartError) {
        var descriptors: [CInt] = []
        for output in outputs {
            switch output {
            case "stderr", "default": descriptors.append(StandardStream.error.rawValue)
            case "stdout": descriptors.append(StandardStream.output.rawValue)
            default:
                let descriptor = open(output, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o640)
                guard descriptor >= 0 else {
                    throw StartError(
                        "cannot open the log file \(output): \(String(cString: strerror(errno)))"
                    )
                }
                descriptors.append(descriptor)
            }
        }
        let opened = descriptors
        self.init { line in
            let bytes = Array((line + "\n").utf8)
            for descriptor in opened {
                writeAll(bytes, to: descriptor)
            }
        }
    }

    func write(line: String) {
        self.write(line)
    }
}
