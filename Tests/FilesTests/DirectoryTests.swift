import ByreTestKit
import Files
import Glibc
import Testing

@Suite struct DirectoryTests {
    private let directory: TemporaryDirectory

    init() throws {
        self.directory = try TemporaryDirectory()
    }

    private func mode(_ path: String) -> UInt32? {
        var status = stat()
        return stat(path, &status) == 0 ? status.st_mode & 0o777 : nil
    }

    @Test(arguments: ["a", "a/b/c", "a/b/", "a//b"])
    func whatIsMissingIsMadeForThisUserAlone(name: String) throws {
        let path = "\(self.directory.path)/\(name)"
        try Directory.make(path)
        #expect(self.mode(path) == Directory.mode)
        #expect(self.mode("\(self.directory.path)/a") == Directory.mode)
        try Directory.make(path)
    }

    @Test func whatIsThereStaysAsItIs() throws {
        let path = self.directory.path + "/a"
        try Directory.make(path)
        #expect(chmod(path, 0o755) == 0)
        try Directory.make(path + "/b")
        try Directory.make(path)
        #expect(self.mode(path) == 0o755)
        // That nobody can make.
        try Directory.make("/")
        try Directory.make("/proc")
    }

    @Test func theOneThatCannotBeMadeIsNamed() {
        let error = #expect(throws: FileProblem.self) { try Directory.make("/proc/a/b/c") }
        #expect(error?.path == "/proc/a")
    }
}
