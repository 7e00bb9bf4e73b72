import ByreTestKit
import Controller
import Glibc
import Testing

@Suite
struct DirectorySinkTests {
    private let directory: TemporaryDirectory
    private var sink: DirectorySink { DirectorySink(self.directory.path) }
    private var place: String { self.directory.path + "/acme" }

    init() throws {
        self.directory = try TemporaryDirectory()
    }

    private static let tenant = declared { $0.credentials = CredentialRequest() }
    private static let removed = declared {
        $0.credentials = CredentialRequest()
        $0.isRemoved = true
    }

    private static func credentials(_ password: String) -> Credentials {
        var credentials = Credentials()
        credentials.endpoints = ["https://a.example:2379", "https://b.example:2379"]
        credentials.keyPair = Credentials.KeyPair(certificate: [1], key: [2], authority: [3])
        credentials.sqlLogin = Credentials.SQLLogin(role: "reader", password: password)
        return credentials
    }

    /// Puts a file there that is nobody's.
    private func put(_ text: String, at path: String) throws {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        try #require(write(descriptor, text, text.utf8.count) == text.utf8.count)
    }

    private func text(_ path: String) -> String {
        var bytes = [UInt8](repeating: 0, count: 64)
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        defer { close(descriptor) }
        let count = read(descriptor, &bytes, bytes.count)
        return String(decoding: bytes.prefix(max(count, 0)), as: UTF8.self)
    }

    @Test
    func whatIsStoredIsReadAndRemoved() throws {
        let nothing = try self.sink.read(for: Self.tenant)
        #expect(nothing.version.isEmpty)
        for password in ["one", "two"] {
            let before = try self.sink.read(for: Self.tenant)
            try self.sink.write(
                Self.credentials(password),
                for: Self.tenant,
                replacing: before.version
            )
            let stored = try self.sink.read(for: Self.tenant)
            #expect(stored.credentials == Self.credentials(password))
            #expect(!stored.isIncomplete)
            #expect(throws: SinkFailure.conflict) {
                try self.sink.write(
                    Self.credentials("late"),
                    for: Self.tenant,
                    replacing: before.version
                )
            }
        }
        try self.sink.remove(for: Self.removed)
        #expect(names(in: self.directory.path) == [])
    }

    @Test
    func whatSomebodyElsePutThereIsLeftAlone() throws {
        try #require(mkdir(self.place, 0o755) == 0)
        try self.put("mine", at: self.place + "/tls.crt")
        let refusal = SinkFailure.unavailable(
            "\(self.place)/tls.crt is there and not the controller's: move it away, or make "
                + "\(self.place)/.lock to have it replaced"
        )
        #expect(throws: refusal) { try self.sink.read(for: Self.tenant) }
        #expect(throws: refusal) {
            try self.sink.write(Self.credentials("new"), for: Self.tenant, replacing: "")
        }
        try self.sink.remove(for: Self.tenant)
        #expect(names(in: self.place) == ["tls.crt"])
        #expect(self.text(self.place + "/tls.crt") == "mine")

        // In nobody's way where nothing is asked for.
        #expect(try self.sink.read(for: declared()).version.isEmpty)
        #expect(try self.sink.read(for: Self.removed).version.isEmpty)

        try self.put("", at: self.place + "/.lock")
        let stored = try self.sink.read(for: Self.tenant)
        try self.sink.write(
            Self.credentials("new"),
            for: Self.tenant,
            replacing: stored.version
        )
        #expect(try self.sink.read(for: Self.tenant).credentials == Self.credentials("new"))
    }

    @Test
    func filesOfOtherNamesAreNotInTheWay() throws {
        try #require(mkdir(self.place, 0o700) == 0)
        try self.put("read me", at: self.place + "/README")
        try self.sink.write(Self.credentials("new"), for: Self.tenant, replacing: "")
        try self.sink.remove(for: Self.removed)
        #expect(names(in: self.place) == ["README"])
    }
}
