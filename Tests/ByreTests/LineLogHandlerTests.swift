import Logging
import Synchronization
import Testing
import byre

@Suite struct LineLogHandlerTests {
    /// Lines that a logger wrote, in order.
    final class Lines: Sendable {
        private let lines = Mutex<[String]>([])

        var all: [String] { self.lines.withLock { $0 } }

        func append(_ line: String) {
            self.lines.withLock { $0.append(line) }
        }
    }

    static func lines(
        _ format: LineLogHandler.Format,
        level: Logger.Level = .info,
        _ body: (inout Logger) -> Void
    ) -> [String] {
        let lines = Lines()
        let handler = LineLogHandler(
            level: level,
            format: format,
            sink: LogSink { lines.append($0) },
            now: { 1_700_000_000_000_007_000 }
        )
        var logger = Logger(label: "test") { _ in handler }
        body(&logger)
        return lines.all
    }

    @Test func aLineIsAJSONObjectWithEtcdsFields() {
        let lines = Self.lines(.json) { logger in
            logger.info("ready to serve client requests", metadata: ["url": "http://a", "n": "1"])
        }
        #expect(
            lines == [
                #"{"level":"info","ts":"2023-11-14T22:13:20.000007Z","#
                    + #""msg":"ready to serve client requests","n":"1","url":"http://a"}"#
            ]
        )
    }

    @Test func aLineForPeopleQuotesWhatItMust() {
        let lines = Self.lines(.console) { logger in
            logger.warning("two words", metadata: ["a": "x=1", "b": "plain", "c": ""])
        }
        #expect(
            lines == [
                #"level=warn ts=2023-11-14T22:13:20.000007Z msg="two words" a="x=1" b=plain c="""#
            ]
        )
    }

    @Test func noTextBreaksALine() {
        for format in [LineLogHandler.Format.json, .console] {
            let lines = Self.lines(format) { logger in
                logger.error("a\nb\r\u{1}\"\\\u{2028}")
            }
            #expect(lines.count == 1)
            #expect(lines.first?.contains(#""a\nb\r\u0001\"\\\u2028""#) == true)
        }
    }

    @Test func levelsHaveEtcdsNamesAndTheLeastIsKept() {
        let lines = Self.lines(.console, level: .debug) { logger in
            logger.trace("0")
            logger.debug("1")
            logger.notice("2")
            logger.critical("3")
        }
        #expect(
            lines.map { $0.prefix { $0 != " " } } == [
                "level=debug", "level=info", "level=fatal",
            ]
        )
    }

    @Test func metadataOfTheLoggerIsOverriddenByTheLines() {
        let lines = Self.lines(.console) { logger in
            logger[metadataKey: "tenant"] = "one"
            logger.info("m")
            logger.info("m", metadata: ["tenant": "two"])
        }
        #expect(lines.map { $0.suffix(3) } == ["one", "two"])
    }
}
