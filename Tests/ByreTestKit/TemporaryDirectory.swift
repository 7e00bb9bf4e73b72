import Glibc

/// A directory for one test, removed with everything in it.
package final class TemporaryDirectory: Sendable {
    package let path: String

    package struct Failure: Error {
        package let code: CInt
    }

    package init() throws {
        var template = Array("/tmp/byre-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Failure(code: errno) }
        self.path = template.withUnsafeBufferPointer { characters in
            characters.baseAddress.map { String(cString: $0) } ?? ""
        }
    }

    deinit { self.remove() }

    /// Removes it now. A test that only holds the path calls this when it is done, which keeps the
    /// directory until then.
    package func remove() {
        Self.remove(self.path)
    }

    private static func remove(_ path: String) {
        // Fails for directories; those that are links are files to it.
        if unlink(path) == 0 { return }
        for name in names(in: path) { Self.remove(path + "/" + name) }
        rmdir(path)
    }
}

/// The names in a directory, sorted.
package func names(in path: String) -> [String] {
    guard let stream = opendir(path) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
        let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
}
