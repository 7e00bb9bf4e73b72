import Files
import Glibc

/// Reads and writes whole files of any length, piece by piece.
enum RawStream {
    /// Bytes of a piece.
    private static let pieceBytes = 256 << 10

    /// Reads the next piece; empty at the end.
    static func read(_ descriptor: CInt, of name: String) throws(CommandFailure) -> [UInt8] {
        do throws(FileProblem) {
            return try OpenFile(descriptor, name: name).read(upTo: Self.pieceBytes)
        } catch {
            throw CommandFailure("\(error)")
        }
    }

    /// Writes all of `bytes`.
    static func write(
        _ bytes: [UInt8],
        to descriptor: CInt,
        of name: String
    ) throws(CommandFailure) {
        do throws(FileProblem) {
            try OpenFile(descriptor, name: name).write(bytes)
        } catch {
            throw CommandFailure("\(error)")
        }
    }

    static func failure(_ name: String, _ code: CInt) -> CommandFailure {
        CommandFailure("\(name): \(String(cString: strerror(code)))")
    }
}
