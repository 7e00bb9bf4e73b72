import FoundationEssentials
import Glibc

/// The files of the repository, read once.
enum Repository {
    /// One text file.
    struct File: Sendable {
        /// The path below the root, as `Sources/TLS/Context.swift`.
        let path: String
        let text: String

        var name: Substring { self.path.split(separator: "/").last ?? "" }
        /// - Complexity: O(length of the text) each time.
        var lines: [Substring] {
            // By bytes: by characters takes seconds in a debug build.
            self.text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
                .map { Substring($0) }
        }
        var isGenerated: Bool { self.path.contains("/Generated/") }

        /// Whether `word` occurs anywhere: far quicker, in a debug build, than asking line by line.
        func mentions(_ word: String) -> Bool {
            strstr(self.text, word) != nil
        }

        /// The folder below `Sources` or `Tests`, which is the name of the target.
        var target: Substring {
            let parts = self.path.split(separator: "/")
            return parts.count > 2 ? parts[1] : ""
        }
    }

    /// The folder that holds Package.swift; symbolic links on the way are followed.
    static let root: String = {
        guard let resolved = realpath(#filePath, nil) else { return "." }
        defer { free(resolved) }
        let parts = String(cString: resolved).split(separator: "/")
        return "/" + parts.dropLast(3).joined(separator: "/")
    }()

    /// Names at the top level, without what git ignores.
    static let topLevel: [String] = entries(of: "").filter {
        ![".git", ".venv", ".swiftpm", "Package.resolved"].contains($0)
            && !$0.hasPrefix(".build")
    }

    /// All text files that belong to the project.
    static let files: [File] = topLevel.flatMap(filesBelow)

    /// The Swift files below `Sources`.
    static let sources = files.filter {
        $0.path.hasPrefix("Sources/") && $0.path.hasSuffix(".swift")
    }

    /// The targets: the folders below `Sources`.
    static let targets = entries(of: "Sources")

    static func file(_ path: String) -> File? { files.first { $0.path == path } }

    private static func entries(of folder: String) -> [String] {
        let path = folder.isEmpty ? root : "\(root)/\(folder)"
        return ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted()
    }

    private static func filesBelow(_ path: String) -> [File] {
        let full = "\(root)/\(path)"
        var isFolder = false
        guard FileManager.default.fileExists(atPath: full, isDirectory: &isFolder) else {
            return []
        }
        if isFolder {
            let kept = entries(of: path).filter {
                !$0.hasPrefix(".build") && !["__pycache__", ".pytest_cache", ".venv"].contains($0)
            }
            return kept.flatMap { filesBelow("\(path)/\($0)") }
        }
        // What is not UTF-8 is no text.
        guard let data = FileManager.default.contents(atPath: full),
            let text = String(validating: data, as: UTF8.self)
        else { return [] }
        return [File(path: path, text: text)]
    }
}
