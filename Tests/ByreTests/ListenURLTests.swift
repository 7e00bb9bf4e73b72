import Testing
import byre

@Suite struct ListenURLTests {
    @Test(arguments: [
        ("http://127.0.0.1:2379", false, ListenURL.Place.host("127.0.0.1", port: 2379)),
        ("https://localhost:0", true, .host("localhost", port: 0)),
        ("http://[::1]:2379", false, .host("::1", port: 2379)),
        ("unix:///run/byre.sock", false, .path("/run/byre.sock")),
        ("unixs:///run/byre.sock", true, .path("/run/byre.sock")),
        ("unix://localhost:m10", false, .path("localhost:m10")),
    ])
    func urlsReadAndShow(text: String, isTLS: Bool, place: ListenURL.Place) throws {
        let url = try ListenURL(flagText: text)
        #expect(url == ListenURL(isTLS: isTLS, place: place))
        #expect(url.description == text)
    }

    @Test(arguments: [
        "", "127.0.0.1:2379", "http:127.0.0.1:2379", "ftp://127.0.0.1:1", "http://127.0.0.1",
        "http://127.0.0.1:", "http://:2379", "http://127.0.0.1:2379/", "http://127.0.0.1:65536",
        "http://127.0.0.1:-1", "http://::1:2379", "unix://", "http://127.0.0.1:+80",
        "unix:///" + String(repeating: "x", count: 107),
    ])
    func otherURLsAreRefused(text: String) {
        #expect(throws: FlagValueError.self) { try ListenURL(flagText: text) }
    }

    @Test func onlyTheUnspecifiedAddressesAreWildcards() throws {
        #expect(try ListenURL(flagText: "http://0.0.0.0:1").isWildcard)
        #expect(try ListenURL(flagText: "http://[::]:1").isWildcard)
        #expect(try !ListenURL(flagText: "http://127.0.0.1:1").isWildcard)
        #expect(try !ListenURL(flagText: "unix:///s").isWildcard)
    }
}
