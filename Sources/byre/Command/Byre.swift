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
        case .print(let text):
            StandardStream.output.write(text)
            return Status.success
        case .serve:
            return Status.success
        case .verify:
            return Status.success
        }
    }
}
