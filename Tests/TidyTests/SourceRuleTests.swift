import Testing

@Suite struct SourceRuleTests {
    static let rules = LineRule.imports + LineRule.sources

    @Test(arguments: rules)
    func sourcesKeepTheRule(rule: LineRule) {
        for file in Repository.sources {
            for place in rule.violations(in: file) {
                Issue.record("\(place): \(rule.sentence)")
            }
        }
    }

    @Test(arguments: rules)
    func theRuleTellsItsExamplesApart(rule: LineRule) {
        #expect(rule.isBroken(Substring(rule.examples.broken)))
        #expect(!rule.isBroken(Substring(rule.examples.kept)))
        #expect(rule.words.contains(where: rule.examples.broken.contains))
    }

    @Test func thereAreSourcesToCheck() {
        #expect(Repository.sources.count > 50)
        #expect(Repository.targets.contains("ByreCore"))
    }

    @Test func nothingIsLeftForLater() {
        // In parts, so that this file does not break its own rule.
        let marks = ["FIX" + "ME", "TO" + "DO", "XX" + "X:", "HA" + "CK:"]
        for file in Repository.files where !file.isGenerated && isCode(file) {
            for mark in marks where file.mentions(mark) {
                for (number, line) in file.lines.enumerated() where line.contains(mark) {
                    Issue.record(
                        "\(file.path):\(number + 1): finish it, or describe it in an issue"
                    )
                }
            }
        }
    }

    @Test func everyUncheckedPromiseHasItsReason() {
        let promises = ["@unchecked", "nonisolated(unsafe)"]
        for file in Repository.sources where promises.contains(where: file.mentions) {
            let lines = file.lines
            for (number, line) in lines.enumerated() where isUncheckedPromise(line) {
                let near = lines[max(0, number - 1)...min(lines.count - 1, number + 1)]
                #expect(
                    near.contains(where: isReason),
                    """
                    \(file.path):\(number + 1): a comment on this line or beside it says why the \
                    compiler's check may be left out
                    """
                )
            }
        }
    }

    @Test func aReasonIsACommentAboutThreads() {
        #expect(isUncheckedPromise("final class A: @unchecked Sendable {"))
        #expect(isUncheckedPromise("nonisolated(unsafe) var a = 1"))
        #expect(!isUncheckedPromise("// Not @unchecked Sendable"))
        #expect(isReason("    // The lock protects it."))
        #expect(isReason("    var a = 1  // constant"))
        #expect(isReason("    /// One thread has it."))
        #expect(!isReason("    /// A table of keys."))
        #expect(!isReason("    var a = 1"))
    }

    private func isCode(_ file: Repository.File) -> Bool {
        ["Sources/", "Tests/", "Benchmarks/", "proto/", "deploy/"].contains {
            file.path.hasPrefix($0)
        }
    }

    private func isUncheckedPromise(_ line: Substring) -> Bool {
        LineRule.code(of: line).contains(#/@unchecked Sendable|nonisolated\(unsafe\)/#)
    }

    /// Whether `line` holds a comment that is no documentation, or documentation about threads.
    private func isReason(_ line: Substring) -> Bool {
        guard let slashes = line.firstRange(of: "//") else { return false }
        let comment = line[slashes.lowerBound...]
        return !comment.hasPrefix("///") || comment.contains(#/thread|lock|loop|Sendable|unsafe/#)
    }
}
