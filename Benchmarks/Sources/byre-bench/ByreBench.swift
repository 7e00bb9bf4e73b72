import Glibc
import LoadGenerator

@main enum ByreBench {
    static func main() {
        exit(Command.run(Array(CommandLine.arguments.dropFirst())))
    }
}
