import Foundation
import HTTP2
import Testing

@Suite struct KeptFieldsTests {
    /// One request after the other, and what each changes.
    private func changes(
        _ requests: [(path: String, extra: [(name: String, value: String)])]
    ) -> [HeaderNames] {
        let pair = SessionPair()
        for request in requests {
            pair.request(request.path, extra: request.extra)
            pair.exchange()
        }
        return pair.server.changes
    }

    @Test func aRequestLikeTheOneBeforeChangesNothing() {
        #expect(self.changes([("/s/m", []), ("/s/m", []), ("/s/m", [])]) == [.all, [], []])
    }

    @Test(
        arguments: [
            ("/s/n", "1S", "a", HeaderNames(.path)),
            ("/s/m", "2S", "a", HeaderNames(.grpcTimeout)),
            ("/s/m", "10S", "b", [HeaderNames(.grpcTimeout), .other]),
            ("/s/m", "1S", "a", []),
        ] as [(String, String, String, HeaderNames)]
    )
    func whatChangesIsNamed(
        _ path: String,
        _ timeout: String,
        _ token: String,
        _ expected: HeaderNames
    ) {
        let first = [(name: "grpc-timeout", value: "1S"), (name: "token", value: "a")]
        let second = [(name: "grpc-timeout", value: timeout), (name: "token", value: token)]
        let changes = self.changes([("/s/m", first), (path, second), (path, second)])
        #expect(changes == [.all, expected, []])
    }

    @Test func fieldsInAnotherOrderAreChanges() {
        let one = [(name: "token", value: "a"), (name: "te", value: "trailers")]
        let changes = self.changes([("/s/m", one), ("/s/m", one.reversed())])
        #expect(changes == [.all, [.other, HeaderNames(.te)]])
    }

    @Test func anotherNameIsAChangeThoughNeitherIsOfTheTable() {
        let changes = self.changes([
            ("/s/m", [(name: "token", value: "a")]), ("/s/m", [(name: "tokem", value: "a")]),
        ])
        #expect(changes == [.all, .other])
    }

    @Test func oneFieldMoreChangesAll() {
        let changes = self.changes([
            ("/s/m", []), ("/s/m", [(name: "token", value: "a")]), ("/s/m", []),
        ])
        #expect(changes == [.all, .all, .all])
    }

    @Test func aLongHeadIsNotKept() {
        let long = [(name: "token", value: String(repeating: "a", count: 5_000))]
        let changes = self.changes([("/s/m", long), ("/s/m", long), ("/s/m", []), ("/s/m", [])])
        #expect(changes == [.all, .all, .all, []])
    }

    @Test func aHeadThatBecomesLongIsNotKept() {
        func token(_ count: Int) -> [(name: String, value: String)] {
            [(name: "token", value: String(repeating: "a", count: count))]
        }
        let changes = self.changes([
            ("/s/m", token(1)), ("/s/m", token(5_000)), ("/s/m", token(5_000)),
        ])
        #expect(changes == [.all, .other, .all])
    }

    /// What is kept lies in memory of the connection's, whoever lets go of it last.
    @Test func aConnectionMayEndOnAnotherThread() async {
        let carried = Carried()
        for number in 0..<100 {
            carried.pair?.request(extra: [(name: "token", value: "\(number)")])
            carried.pair?.exchange()
        }
        await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                carried.pair = nil
                continuation.resume()
            }
        }
        #expect(carried.pair.map { _ in true } == nil)
    }
}

private final class Carried: @unchecked Sendable {
    // Sendable: one thread has it at a time.
    var pair: SessionPair? = SessionPair()
}
