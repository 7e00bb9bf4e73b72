import ByreTestKit
import Files
import Glibc
import Testing

@Suite struct WholeFileTests {
    private let directory: TemporaryDirectory
    private var path: String { self.directory.path + "/file" }

    init() throws {
        self.directory = try TemporaryDirectory()
    }

    private func replace(_ bytes: [UInt8], mode: UInt32 = 0o600) throws(FileProblem) {
        try WholeFile.replace(self.path, with: bytes, mode: mode, isDurable: true)
    }

    @Test(arguments: [0, 1, 64 << 10, 200_000])
    func whatIsWrittenIsRead(count: Int) throws {
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
        try self.replace(bytes)
        #expect(
            try WholeFile.read(self.path, bytesMax: count) == WholeFile(bytes: bytes, mode: 0o600)
        )
    }

    @Test func aFileThatIsReplacedLeavesItsReadersWhatItWas() throws {
        try self.replace([1])
        let descriptor = open(self.path, O_RDONLY | O_CLOEXEC)
        defer { close(descriptor) }
        try self.replace([2], mode: 0o640)
        #expect(
            try WholeFile.read(self.path, bytesMax: 1) == WholeFile(bytes: [2], mode: 0o640)
        )
        var byte: UInt8 = 0
        #expect(read(descriptor, &byte, 1) == 1)
        #expect(byte == 1)
        #expect(names(in: self.directory.path) == ["file"])
    }

    @Test func aLinkInPlaceOfTheUnfinishedFileIsNotWrittenThrough() throws {
        let other = self.directory.path + "/other"
        try WholeFile.replace(other, with: [7], mode: 0o600, isDurable: false)
        #expect(symlink(other, self.path + ".tmp") == 0)
        try self.replace([1])
        #expect(try WholeFile.read(other, bytesMax: 1).bytes == [7])
    }

    @Test func aLinkIsFollowedOnlyIfItMayBe() throws {
        try self.replace([1])
        let link = self.directory.path + "/link"
        #expect(symlink(self.path, link) == 0)
        #expect(try WholeFile.read(link, bytesMax: 1).bytes == [1])
        #expect(throws: FileProblem.self) {
            try WholeFile.read(link, bytesMax: 1, followsLink: false)
        }
    }

    @Test func aProblemNamesTheFileAndIsInWords() throws {
        let missing = #expect(throws: FileProblem.self) {
            try WholeFile.read(self.path, bytesMax: 1)
        }
        #expect(missing?.isMissing == true)
        #expect(missing?.description == "\(self.path): No such file or directory")
        try self.replace([1, 2])
        let large = #expect(throws: FileProblem.self) {
            try WholeFile.read(self.path, bytesMax: 1)
        }
        #expect(large?.isMissing == false)
        #expect(large?.description == "\(self.path): is larger than 1 bytes")
    }

    /// What is read slowly may be interrupted by a signal, of a terminal's size for example.
    @Test func aSignalDoesNotEndAFileEarly() throws {
        #expect(mkfifo(self.path, 0o600) == 0)
        let path = self.path
        // Both ends, so that the reader waits for bytes alone.
        let descriptor = open(path, O_RDWR | O_CLOEXEC)
        let reader = InterruptibleThread { try WholeFile.read(path, bytesMax: 8).bytes }
        try reader.interrupt()
        let bytes: [UInt8] = [1, 2]
        try #require(write(descriptor, bytes, bytes.count) == bytes.count)
        close(descriptor)
        #expect(try reader.result() == bytes)
    }
}
