import Controller
import Glibc
import Logging

/// The file of `--status-file`: the status in JSON, replaced as a whole.
struct StatusFile: Sendable {
    let path: String

    init(_ path: String) {
        self.path = path
    }

    func write(_ status: ReconcilerStatus, _ logger: Logger) {
        do throws(CommandFailure) {
            let text = try TenantJSON.text(ControllerJSON.Status(status))
            let unfinished = self.path + ".tmp"
            let mode: mode_t = 0o644
            let descriptor = open(unfinished, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
            guard descriptor >= 0 else { throw CommandFailure(String(cString: strerror(errno))) }
            writeAll(Array(text.utf8), to: descriptor)
            close(descriptor)
            guard rename(unfinished, self.path) == 0 else {
                throw CommandFailure(String(cString: strerror(errno)))
            }
        } catch {
            logger.error(
                "the status file cannot be written",
                metadata: ["file": "\(self.path)", "error": "\(error.message)"]
            )
        }
    }
}
