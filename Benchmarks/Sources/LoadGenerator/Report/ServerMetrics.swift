import Glibc

/// What a server tells of itself on its page `/metrics`.
package enum ServerMetrics {
    /// Byre's name for the bytes of values that it keeps in memory.
    package static let cacheBytes = "byre_cache_bytes"
    private static let chunkBytes = 64 << 10
    /// A page that is longer is cut.
    private static let pageBytesMax = 8 << 20
    private static let patienceMilliseconds: Int32 = 5_000

    /// Asks for the page once, over HTTP/1.0 without TLS.
    /// - Returns: nil when the target speaks TLS, does not answer, or has no such number.
    package static func value(_ name: String, of endpoint: Endpoint) -> Double? {
        guard !endpoint.isSecure, let socket = try? Socket(to: endpoint.address) else { return nil }
        let request = "GET /metrics HTTP/1.0\r\nHost: \(endpoint.authority)\r\n\r\n"
        guard Self.wait(socket, POLLOUT), socket.connectFailure == nil,
            case .bytes(let sent) = Array(request.utf8).withUnsafeBytes({ socket.write($0) }),
            sent == request.utf8.count
        else { return nil }
        var page: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: Self.chunkBytes)
        while page.count < Self.pageBytesMax, Self.wait(socket, POLLIN) {
            let progress = chunk.withUnsafeMutableBytes { socket.read(into: $0) }
            guard case .bytes(let count) = progress else { break }
            page += chunk[..<count]
        }
        return Self.value(name, in: String(decoding: page, as: UTF8.self))
    }

    /// A number without labels on a page in Prometheus' text format.
    package static func value(_ name: String, in page: String) -> Double? {
        for line in page.split(whereSeparator: \.isNewline) {
            let words = line.split(separator: " ")
            if words.count == 2, words[0] == name { return Double(words[1]) }
        }
        return nil
    }

    private static func wait(_ socket: Socket, _ events: Int32) -> Bool {
        var asked = pollfd(fd: socket.descriptor, events: Int16(events), revents: 0)
        return poll(&asked, 1, Self.patienceMilliseconds) == 1
    }
}
