import Glibc
import Testing
import byre

/// A socket as a service manager listens on it.
private final class NotifySocket {
    let name: String
    private let descriptor: CInt

    /// Binds a datagram socket to a path, or to the abstract name that begins with `@`.
    init(_ name: String) throws {
        self.name = name
        self.descriptor = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var bytes = Array(name.utf8)
        if bytes.first == UInt8(ascii: "@") { bytes[0] = 0 }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count)
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(self.descriptor, $0, length)
            }
        }
        try #require(bound == 0)
    }

    deinit {
        close(self.descriptor)
        if self.name.hasPrefix("/") { unlink(self.name) }
    }

    /// The datagram that has come, as text; nil when there is none.
    var received: String? {
        var buffer = [UInt8](repeating: 0, count: 64)
        let count = recv(self.descriptor, &buffer, buffer.count, CInt(MSG_DONTWAIT))
        return count < 0 ? nil : String(decoding: buffer[..<count], as: UTF8.self)
    }
}

@Suite struct ServiceManagerTests {
    @Test(arguments: ["@byre-test-\(getpid())", "/tmp/byre-test-\(getpid()).notify"])
    func theServiceManagerIsTold(name: String) throws {
        let manager = try NotifySocket(name)
        for state in [ServiceManager.State.ready, .stopping] {
            #expect(ServiceManager.tell(state, environment: ["NOTIFY_SOCKET": name]))
            #expect(manager.received == state.rawValue)
        }
        #expect(manager.received == nil)
    }

    @Test(
        arguments: [
            [:],
            ["NOTIFY_SOCKET": ""],
            ["NOTIFY_SOCKET": "@"],
            ["NOTIFY_SOCKET": "vsock:2:1"],
            ["NOTIFY_SOCKET": "/nowhere/at/all"],
            ["NOTIFY_SOCKET": "/" + String(repeating: "a", count: 107)],
        ] as [[String: String]]
    )
    func nobodyIsTold(environment: [String: String]) {
        #expect(!ServiceManager.tell(.ready, environment: environment))
    }
}
