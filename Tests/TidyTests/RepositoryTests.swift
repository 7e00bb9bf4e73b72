import Testing

@Suite struct RepositoryTests {
    @Test func theTopLevelHoldsNothingElse() {
        let allowed: Set<String> = [
            "Package.swift", "Sources", "Tests", "Benchmarks", "proto", "deploy", "README.md",
            "ARCHITECTURE.md", "Makefile",
        ]
        for name in Repository.topLevel where !name.hasPrefix(".") {
            #expect(
                allowed.contains(name),
                "\(name): move it below Sources, Tests, Benchmarks, proto or deploy"
            )
        }
    }

    @Test func theArchitectureMentionsEveryTarget() throws {
        let architecture = try #require(Repository.file("ARCHITECTURE.md"))
        let words = Set(architecture.text.split { !$0.isLetter && !$0.isNumber }.map(String.init))
        for target in Repository.targets {
            #expect(words.contains(target), "ARCHITECTURE.md: say what Sources/\(target) is for")
        }
    }

    @Test func everyTargetWithCodeHasTests() {
        let tested = Set(
            Repository.files.filter {
                $0.path.hasPrefix("Tests/") && $0.path.hasSuffix("Tests.swift")
            }
            .map(\.target)
        )
        for target in Set(Repository.sources.map(\.target)) {
            let name = target == "byre" ? "ByreTests" : "\(target)Tests"
            #expect(tested.contains(Substring(name)), "Tests/\(name): test \(target) there")
        }
    }

    @Test func noFileNamesAPlaceOfSomeonesMachine() {
        // In parts, so that this file does not break its own rule.
        let places = [
            "/wo" + "rk/", "/ro" + "ot/", "/fa" + "rm/", "/opt/sw" + "ift", ".lib" + "rary/",
        ]
        for file in Repository.files {
            for place in places where file.mentions(place) {
                for (number, line) in file.lines.enumerated() where line.contains(place) {
                    Issue.record(
                        "\(file.path):\(number + 1): \(place) is one machine's; use a relative path"
                    )
                }
            }
        }
    }

    @Test func filesAreNamedAfterWhatTheyHold() {
        let vague: Set<String> = [
            "Utils", "Util", "Helpers", "Helper", "Common", "Extensions", "Misc", "New",
            "Deprecated",
        ]
        for file in Repository.files where file.path.hasSuffix(".swift") && !file.isGenerated {
            let base = file.name.dropLast(".swift".count)
            let parts = base.split(separator: "+", omittingEmptySubsequences: false)
            #expect(!base.contains(" "), "\(file.path): no spaces in names")
            #expect(
                base == "Package" || parts.allSatisfy { $0.first?.isUppercase == true },
                "\(file.path): each part of a name begins with a capital"
            )
            for part in parts where vague.contains(String(part)) {
                Issue.record("\(file.path): name the file after its principal type")
            }
        }
    }

    @Test func generatedCodeSaysSo() {
        for file in Repository.files where file.isGenerated {
            #expect(
                file.text.prefix(80).contains("DO NOT EDIT") == true,
                "\(file.path): only generated code goes there; run make generate"
            )
        }
    }

    @Test func textEndsInOneLineFeed() {
        for file in Repository.files where !file.text.isEmpty {
            #expect(
                file.text.hasSuffix("\n") && !file.text.hasSuffix("\n\n"),
                "\(file.path): end the file in one line feed"
            )
        }
    }
}
