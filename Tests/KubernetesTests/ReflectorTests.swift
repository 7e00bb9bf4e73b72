import Kubernetes
import Testing

@Suite struct ReflectorTests {
    /// What happens to a reflector, one thing after the other, as the server sees to it.
    enum Happening: Sendable {
        case page([String], version: String, continuation: String?)
        case event(WatchEvent)
        case fails(APIError)
        case ends(Duration)
    }

    /// A history, and what is asked for at its end.
    struct History: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let happenings: [Happening]
        let step: Reflector.Step
        var pauses = false
    }

    private static func object(_ name: String, _ version: String) -> JSONValue {
        ["metadata": ["name": .string(name), "resourceVersion": .string(version)]]
    }

    private static func status(_ code: Int) -> APIError {
        .status(APIStatus(code: code, reason: "", message: ""))
    }

    static let histories: [History] = [
        History(testDescription: "nothing", happenings: [], step: .list(continuation: nil)),
        History(
            testDescription: "a page that is not the last",
            happenings: [.page(["a"], version: "5", continuation: "next")],
            step: .list(continuation: "next")
        ),
        History(
            testDescription: "the last page",
            happenings: [
                .page(["a"], version: "5", continuation: "next"),
                .page(["b"], version: "5", continuation: nil),
            ],
            step: .watch(from: "5")
        ),
        History(
            testDescription: "a page that expired: from the beginning",
            happenings: [.page(["a"], version: "5", continuation: "next"), .fails(status(410))],
            step: .list(continuation: nil),
            pauses: true
        ),
        History(
            testDescription: "a bookmark moves the watch forward",
            happenings: [
                .page([], version: "5", continuation: nil),
                .event(.bookmark(resourceVersion: "90")), .ends(.seconds(400)),
            ],
            step: .watch(from: "90")
        ),
        History(
            testDescription: "a watch that ended goes on where it was",
            happenings: [
                .page([], version: "5", continuation: nil), .event(.added(object("a", "7"))),
                .ends(.zero),
            ],
            step: .watch(from: "7")
        ),
        History(
            testDescription: "a watch that ends at once is asked for after a pause",
            happenings: [.page([], version: "5", continuation: nil), .ends(.milliseconds(3))],
            step: .watch(from: "5"),
            pauses: true
        ),
        History(
            testDescription: "a watch that was cut off goes on where it was",
            happenings: [
                .page([], version: "5", continuation: nil), .event(.deleted(object("a", "8"))),
                .fails(.unreachable("")),
            ],
            step: .watch(from: "8"),
            pauses: true
        ),
        History(
            testDescription: "a server that is busy is asked again",
            happenings: [.page([], version: "5", continuation: nil), .fails(status(429))],
            step: .watch(from: "5"),
            pauses: true
        ),
        History(
            testDescription: "410 in a watch: list",
            happenings: [.page([], version: "5", continuation: nil), .fails(status(410))],
            step: .list(continuation: nil),
            pauses: true
        ),
        History(
            testDescription: "what cannot be read: list",
            happenings: [.page([], version: "5", continuation: nil), .fails(.malformed(""))],
            step: .list(continuation: nil),
            pauses: true
        ),
        History(
            testDescription: "too many failures: list",
            happenings: [.page([], version: "5", continuation: nil)]
                + Array(repeating: .fails(.unreachable("")), count: 5),
            step: .list(continuation: nil),
            pauses: true
        ),
        History(
            testDescription: "failures with events between them are not in a row",
            happenings: [.page([], version: "5", continuation: nil)]
                + (6..<16).flatMap {
                    [
                        Happening.fails(.unreachable("")), .event(.added(object("a", "\($0)"))),
                    ]
                },
            step: .watch(from: "15"),
            pauses: true
        ),
    ]

    @Test(arguments: histories)
    func itAsksForWhatFollows(history: History) throws {
        var reflector = Reflector()
        var dice = SystemRandomNumberGenerator()
        for happening in history.happenings {
            switch happening {
            case .page(let names, let version, let continuation):
                _ = try reflector.received(
                    ObjectPage(
                        objects: names.map { Self.object($0, version) },
                        resourceVersion: version,
                        continuation: continuation
                    )
                )
            case .event(let event): _ = try reflector.received(event)
            case .fails(let error): reflector.failed(error, using: &dice)
            case .ends(let duration): reflector.watchEnded(after: duration, using: &dice)
            }
        }
        #expect(reflector.step == history.step)
        #expect((reflector.pause > .zero) == history.pauses)
    }

    @Test func theLastPageReplacesEverythingAtOnce() throws {
        var reflector = Reflector()
        let (a, b) = (Self.object("a", "1"), Self.object("b", "2"))
        let first = ObjectPage(objects: [a], resourceVersion: "5", continuation: "x")
        #expect(try reflector.received(first) == nil)
        let last = ObjectPage(objects: [b], resourceVersion: "5")
        #expect(try reflector.received(last) == .replaced([a, b]))
    }

    @Test func aListThatBeganAgainHoldsNothingOfTheFirst() throws {
        var reflector = Reflector()
        var dice = SystemRandomNumberGenerator()
        let (a, b) = (Self.object("a", "1"), Self.object("b", "2"))
        let first = ObjectPage(objects: [a], resourceVersion: "5", continuation: "x")
        #expect(try reflector.received(first) == nil)
        reflector.failed(Self.status(410), using: &dice)
        let all = ObjectPage(objects: [b], resourceVersion: "9")
        #expect(try reflector.received(all) == .replaced([b]))
    }

    @Test func anErrorInAWatchEndsIt() throws {
        var reflector = Reflector()
        let expired = APIStatus(code: 410, reason: "Expired", message: "too old")
        #expect(throws: APIError.status(expired)) {
            _ = try reflector.received(.error(expired))
        }
    }

    @Test func moreObjectsThanAreFollowedAreRefused() throws {
        var reflector = Reflector()
        let objects = [JSONValue](repeating: [:], count: 20_001)
        #expect(throws: APIError.self) {
            _ = try reflector.received(ObjectPage(objects: objects, resourceVersion: "1"))
        }
    }

    @Test func pausesGrowToABoundAndNoFurther() throws {
        var reflector = Reflector()
        var dice = SystemRandomNumberGenerator()
        for milliseconds in [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000] {
            reflector.failed(.unreachable(""), using: &dice)
            let bound = Duration.milliseconds(milliseconds)
            #expect(reflector.pause <= bound && reflector.pause >= bound / 2)
        }
        _ = try reflector.received(ObjectPage(objects: [], resourceVersion: "1"))
        _ = try reflector.received(.bookmark(resourceVersion: "2"))
        reflector.failed(.unreachable(""), using: &dice)
        #expect(reflector.pause <= .milliseconds(500))
    }
}
