import Controller
import Files
import Logging

/// The file of `--status-file`: the status in JSON, replaced as a whole.
struct StatusFile: Sendable {
    let path: String

    init(_ path: String) {
        self.path = path
    }

    func write(_ status: ReconcilerStatus, _ logger: Logger) {
        do throws(CommandFailure) {
            try self.replace(with: TenantJSON.text(ControllerJSON.Status(status)))
        } catch {
            logger.error(
                "the status file cannot be written",
                metadata: ["file": "\(self.path)", "error": "\(error.message)"]
            )
        }
    }

    private func replace(with text: String) throws(CommandFailure) {
        do throws(FileProblem) {
            // What it says is out of date after the machine went down: that needs no sync.
            try WholeFile.replace(
                self.path,
                with: Array(text.utf8),
                mode: 0o644,
                isDurable: false
            )
        } catch {
            throw CommandFailure(error.text)
        }
    }
}
