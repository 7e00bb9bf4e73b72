import FoundationEssentials
import Glibc

/// The executable: reads the command line, then does what it says.
@main
enum Byre {
    static func main() {
        exit(self.run().rawValue)
    }

    private static func run() -> ExitStatus {
        let arguments = CommandLine.arguments
        CommandLineSecrets.hide()
        let invocation: Invocation
        do {
            invocation = try Invocation(
                arguments: arguments,
                environment: ProcessInfo.processInfo.environment
            )
        } catch {
            StandardStream.error.write(error.message + "\n")
            return .usage
        }
        switch invocation {
        case .show(let text):
            StandardStream.output.write(text)
            return .success
        case .serve(let configuration, let notes):
            return self.attempt("byre serve") { () throws(StartError) in
                try Serve.run(configuration, notes: notes)
                return .success
            }
        case .verify(let store):
            return self.attempt("byre verify") { () throws(StartError) in
                try Verify.run(store) ? .success : .failure
            }
        case .tenant(let command):
            return self.administer("byre tenant \(command.verb.rawValue)") {
                () throws(CommandFailure) in try command.run()
            }
        case .controller(let command):
            do throws(CommandFailure) {
                return try command.run()
            } catch {
                StandardStream.error.write("byre controller: \(error.message)\n")
                return error.status
            }
        case .authority(let command):
            return self.administer("byre ca \(command.verb.rawValue)") {
                () throws(CommandFailure) in try command.run()
            }
        }
    }

    /// Runs a command for administrators, and tells why if it fails.
    private static func administer(
        _ program: String,
        _ body: () throws(CommandFailure) -> Void
    ) -> ExitStatus {
        do {
            try body()
            return .success
        } catch {
            StandardStream.error.write("\(program): \(error.message)\n")
            return error.status
        }
    }

    /// Runs a command, and tells why if it cannot begin.
    private static func attempt(
        _ program: String,
        _ body: () throws(StartError) -> ExitStatus
    ) -> ExitStatus {
        do {
            return try body()
        } catch {
            StandardStream.error.write("\(program): \(error.message)\n")
            return .failure
        }
    }
}
