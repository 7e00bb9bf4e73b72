import FoundationEssentials
import Glibc

/// The executable: reads the command line, then does what it says.
@main
enum Byre {
    /// Exit statuses.
    private enum Status {
        static let success: CInt = 0
        static let failure: CInt = 1
        static let usage: CInt = 2
    }

    static func main() {
        exit(self.run())
    }

    private static func run() -> CInt {
        let invocation: Invocation
        do {
            invocation = try Invocation(
                arguments: CommandLine.arguments,
                environment: ProcessInfo.processInfo.environment
            )
        } catch {
            StandardStream.error.write(error.message + "\n")
            return Status.usage
        }
        switch invocation {
        case .show(let text):
            StandardStream.output.write(text)
            return Status.success
        case .serve(let configuration, let notes):
            return self.attempt("byre serve") { () throws(StartError) in
                try Serve.run(configuration, notes: notes)
                return Status.success
            }
        case .verify(let path):
            return self.attempt("byre verify") { () throws(StartError) in
                try Verify.run(databasePath: path) ? Status.success : Status.failure
            }
        }
    }

    /// Runs a command, and tells why if it cannot begin.
    private static func attempt(
        _ program: String,
        _ body: () throws(StartError) -> CInt
    ) -> CInt {
        do {
            return try body()
        } catch {
            StandardStream.error.write("\(program): \(error.message)\n")
            return Status.failure
        }
    }
}
