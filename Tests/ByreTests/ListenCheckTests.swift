import Glibc
import Testing
import byre

@Suite struct ListenCheckTests {
    static func check(_ text: String) throws -> ListenURL {
        try ListenCheck.take(ListenURL(flagText: text), directoryToMake: "/nowhere/yet").url
    }

    @Test func portZeroBecomesTheOneTheSystemChose() throws {
        let url = try Self.check("http://127.0.0.1:0")
        guard case .host("127.0.0.1", let port) = url.place else {
            Issue.record("\(url)")
            return
        }
        #expect(port > 0)
    }

    @Test func aPortInUseIsFound() throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        try #require(listen(descriptor, 1) == 0)
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = getsockname(descriptor, $0, &length)
            }
        }
        let url = "http://127.0.0.1:\(UInt16(bigEndian: address.sin_port))"
        #expect(throws: StartError("cannot listen on \(url): it is in use")) {
            try Self.check(url)
        }
    }

    @Test(arguments: [
        ("http://192.0.2.1:1", "Cannot assign requested address"),
        ("unix:///nowhere/at/all.sock", "No such file or directory"),
        ("unix:///dev/null", "there is a file that is no socket"),
    ])
    func whatCannotBeListenedOnIsExplained(url: String, reason: String) {
        #expect(throws: StartError("cannot listen on \(url): \(reason)")) {
            try Self.check(url)
        }
    }

    @Test func aSocketMayBeInADirectoryThatIsStillToBeMade() throws {
        let url = try ListenURL(flagText: "unix:///nowhere/yet/byre.sock")
        #expect(try ListenCheck.take(url, directoryToMake: "/nowhere/yet").url == url)
    }
}
