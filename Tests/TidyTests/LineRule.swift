import Testing

/// A rule that one line of a file can break.
struct LineRule: Sendable, CustomTestStringConvertible {
    /// What is forbidden and what to write in its place.
    let sentence: String
    /// Which files it holds for.
    let appliesTo: @Sendable (Repository.File) -> Bool
    /// Words of which a file that breaks it holds at least one.
    let words: [String]
    /// Whether a line, without its comment, breaks it.
    let isBroken: @Sendable (Substring) -> Bool
    /// A line that breaks it, and one that comes close.
    let examples: (broken: String, kept: String)

    var testDescription: String { self.sentence }

    /// The code of `line`: what stands before `//`.
    static func code(of line: Substring) -> Substring {
        guard let slashes = line.firstRange(of: "//") else { return line }
        return line[..<slashes.lowerBound]
    }

    /// The places in `file` that break the rule, as `path:line`.
    func violations(in file: Repository.File) -> [String] {
        guard self.appliesTo(file), self.words.contains(where: file.mentions) else { return [] }
        return file.lines.enumerated().compactMap { number, line in
            self.isBroken(Self.code(of: line)) ? "\(file.path):\(number + 1)" : nil
        }
    }
}

extension LineRule {
    private static func isHandWritten(_ file: Repository.File) -> Bool { !file.isGenerated }

    private static func isCore(_ file: Repository.File) -> Bool { file.target == "ByreCore" }

    /// The only target that may import a C library.
    private static let wrappers = [
        "CSQLite": "SQLite", "CNGHTTP2": "HTTP2", "COpenSSL": "TLS", "CPostgres": "Postgres",
    ]

    /// One rule for each C library.
    static let imports: [LineRule] = wrappers.sorted { $0.key < $1.key }.map { library, wrapper in
        LineRule(
            sentence: "only \(wrapper) imports \(library): call \(wrapper) instead",
            appliesTo: { $0.target != wrapper },
            words: [library],
            isBroken: { $0.hasSuffix("import \(library)") },
            examples: ("import \(library)", "import \(wrapper)")
        )
    }

    static let sources: [LineRule] = [
        LineRule(
            sentence: "ByreCore does no I/O and stands on the standard library and collections: "
                + "take what is needed as an argument",
            appliesTo: isCore,
            words: ["import "],
            isBroken: { line in
                line.contains(#/^(package |public )?import (Glibc|Foundation\w*|NIO\w*|Logging)\b/#)
            },
            examples: ("import FoundationEssentials", "import HashTreeCollections")
        ),
        LineRule(
            sentence: "ByreCore reads no clock: take the time as an argument",
            appliesTo: isCore,
            words: ["Date(", "Clock", "clock_gettime"],
            isBroken: { line in
                line.contains(#/\b(Date\(|ContinuousClock|SuspendingClock|clock_gettime)/#)
            },
            examples: ("let now = Date()", "let now: Int64")
        ),
        LineRule(
            sentence:
                "ByreCore rolls no dice: take the random number or its generator as an argument",
            appliesTo: isCore,
            words: ["random", "shuffled", "Random"],
            isBroken: { line in
                line.contains(#/SystemRandomNumberGenerator|arc4random|\.random\(in: [^,]*\)/#)
                    || line.contains(#/\.(shuffled|randomElement)\(\)/#)
            },
            examples: ("let id = Int64.random(in: 1...9)", "Int64.random(in: 1...9, using: &dice)")
        ),
        LineRule(
            sentence: "an error is handled or thrown on: neither try! nor as!",
            appliesTo: isHandWritten,
            words: ["try!", "as!"],
            isBroken: { $0.contains(#/\b(try|as)!/#) },
            examples: ("let a = try! b()", "let a = try? b()")
        ),
        LineRule(
            sentence: "a fault of a peer or of the machine is a typed error, a fault of ours a "
                + "precondition: no fatalError",
            appliesTo: isHandWritten,
            words: ["fatalError"],
            isBroken: { $0.contains(#/\bfatalError\(/#) },
            examples: ("fatalError(\"no\")", "preconditionFailure(\"no\")")
        ),
        LineRule(
            sentence: "lines go to the logger or to StandardStream: no print",
            appliesTo: isHandWritten,
            words: ["rint(", "dump("],
            isBroken: { $0.contains(#/(^|[^.\w])(debugPrint|print|dump)\(/#) },
            examples: ("    print(value)", "    blueprint(value)")
        ),
        LineRule(
            sentence: "a thread waits for an event, not for a time: no sleep",
            appliesTo: isHandWritten,
            words: ["sleep("],
            isBroken: { $0.contains(#/\b(usleep|nanosleep|sleep)\(/#) },
            examples: ("usleep(10)", "self.compactionSleep(10)")
        ),
    ]
}
