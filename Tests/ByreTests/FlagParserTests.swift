import Testing
import byre

@Suite struct FlagParserTests {
    struct Options: FlagOptions, Equatable {
        var text = "nothing"
        var count = 7
        var isOn = false
        var pause = Duration.seconds(1)
    }

    static let table = FlagTable<Options>([
        .init(
            "First",
            [
                Flag("text", \.text, "A text."),
                Flag("max-count", \.count, in: 1...10, "A count."),
                Flag("on", \.isOn, "A switch."),
            ]
        ),
        .init(
            "Second",
            [
                Flag("own-pause", \.pause, origin: .byre, "A pause."),
                .ignored("raft", UInt.self, because: "there is none"),
                .renamed("old-count", to: Flag("max-count", \.count, in: 1...10, "A count.")),
                .refused("guard", String.self, unless: ["", "*"], because: "nobody guards"),
            ]
        ),
    ])

    static let strict = FlagParser(table: table)
    static let lenient = FlagParser(table: table, etcdPrefix: "ETCD", acceptsAllOfEtcd: true)

    static func options(
        _ arguments: [String],
        _ environment: [String: String] = [:],
        _ parser: FlagParser<Options> = strict
    ) throws -> Options {
        try parser.parse(arguments, environment: environment).options
    }

    @Test(arguments: [
        ["--text", "x"], ["-text", "x"], ["--text=x"], ["-text=x"], ["-text=y", "--text", "x"],
        ["--text=x", "--"],
    ])
    func allOfGosFormsRead(arguments: [String]) throws {
        #expect(try Self.options(arguments).text == "x")
    }

    @Test func aValueMayBeginWithADashOrHoldAnEqualsSign() throws {
        #expect(try Self.options(["--text", "--on"]) == Options(text: "--on"))
        #expect(try Self.options(["--text=a=b"]).text == "a=b")
        #expect(try Self.options(["--text="]).text == "")
    }

    @Test func aBooleanTakesItsValueOnlyAfterAnEqualsSign() throws {
        #expect(try Self.options(["--on"]).isOn)
        #expect(try !Self.options(["--on", "--on=false"]).isOn)
        #expect(throws: UsageError("\"false\" is not a flag")) {
            try Self.options(["--on", "false"])
        }
    }

    @Test(arguments: [
        (["--txt", "x"], "unknown flag --txt; did you mean --text?"),
        (["--nothing-like-it"], "unknown flag --nothing-like-it"),
        (["--"] + ["word"], "\"word\" is not a flag"),
        (["word"], "\"word\" is not a flag"),
        (["-"], "\"-\" is not a flag"),
        (["--text"], "--text needs a value: --text TEXT"),
        (["--on=maybe"], "--on: \"maybe\" is neither true nor false"),
        (["--max-count", "11"], "--max-count: \"11\" is not a whole number from 1 to 10"),
        (["--max-count", "x"], "--max-count: \"x\" is not a whole number from 1 to 10"),
        (["--raft", "1"], "--raft is a flag of etcd without effect here: there is none"),
        (["--old-count", "1"], "--old-count is now called --max-count"),
        (["--guard", "a"], "--guard: \"a\" is refused: nobody guards"),
        (["--=x"], "unknown flag --"),
    ])
    func aWrongCommandLineIsExplainedInOneLine(arguments: [String], message: String) {
        #expect(throws: UsageError(message)) { try Self.options(arguments) }
    }

    @Test func theCommandLineWinsOverTheEnvironmentAndSaysSo() throws {
        let outcome = try Self.strict.parse(
            ["--text=line"],
            environment: ["BYRE_TEXT": "variable", "BYRE_MAX_COUNT": "3"]
        )
        #expect(outcome.options == Options(text: "line", count: 3))
        #expect(outcome.notes == ["--text overrides the environment variable BYRE_TEXT"])
        #expect(outcome.given == ["text", "max-count"])
    }

    @Test func anEmptyVariableIsNotGiven() throws {
        #expect(try Self.options([], ["BYRE_TEXT": ""]) == Options())
    }

    @Test func aWrongVariableIsNamed() {
        #expect(
            throws: UsageError("BYRE_MAX_COUNT: \"x\" is not a whole number from 1 to 10")
        ) {
            try Self.options([], ["BYRE_MAX_COUNT": "x"])
        }
    }

    @Test func variablesOfNoFlagAreNotedAndOthersLeftAlone() throws {
        let outcome = try Self.strict.parse(
            [],
            environment: ["BYRE_PORT": "tcp://10.0.0.1", "ETCD_TEXT": "x", "PATH": "/bin"]
        )
        #expect(outcome.options == Options())
        #expect(outcome.notes == ["the environment variable BYRE_PORT belongs to no flag"])
    }

    @Test func eachOriginHasItsPrefix() throws {
        let environment = ["ETCD_TEXT": "x", "BYRE_OWN_PAUSE": "2s", "ETCD_RAFT": "1"]
        #expect(
            try Self.options([], environment, Self.lenient)
                == Options(text: "x", pause: .seconds(2))
        )
    }

    @Test func theLenientParserTakesWhatHasNoEffectIfItsValueReads() throws {
        #expect(
            try Self.options(["--raft=1", "--guard=*", "--old-count=2"], [:], Self.lenient)
                == Options(count: 2)
        )
        #expect(throws: UsageError.self) { try Self.options(["--raft=x"], [:], Self.lenient) }
        #expect(throws: UsageError.self) { try Self.options(["--guard=x"], [:], Self.lenient) }
        #expect(throws: UsageError.self) { try Self.options(["--other"], [:], Self.lenient) }
    }

    @Test(arguments: ["-h", "--help", "-help", "--help=true"])
    func helpIsAskedForInSeveralWays(argument: String) throws {
        #expect(try Self.strict.parse([argument], environment: [:]).wantsHelp)
    }

    @Test func helpShowsWhatIsOfferedAndNothingElse() {
        #expect(
            Self.strict.helpText() == """
                First:
                  --text TEXT
                    A text.
                    [default nothing; env BYRE_TEXT]
                  --max-count N
                    A count.
                    [default 7; env BYRE_MAX_COUNT]
                  --on
                    A switch.
                    [default false; env BYRE_ON]

                Second:
                  --own-pause DURATION
                    A pause.
                    [default 1s; env BYRE_OWN_PAUSE]

                Other:
                  -h, --help
                    Show this help and exit.
                  --version
                    Show the version and exit.

                """
        )
    }

    @Test func textWrapsBetweenWords() {
        #expect(
            wrapped("aa bb  cc dddddddd e", width: 7, indent: 2) == [
                "  aa bb", "  cc", "  dddddddd", "  e",
            ]
        )
    }
}
