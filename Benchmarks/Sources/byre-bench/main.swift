import Glibc
import LoadGenerator

exit(Command.run(Array(CommandLine.arguments.dropFirst())))
