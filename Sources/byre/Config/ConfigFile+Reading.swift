import FoundationEssentials

extension ConfigFile {
    /// Largest file that is read.
    private static var bytesMax: Int { 1 << 20 }

    /// Reads the file at `path`.
    package init(path: String) throws(ConfigError) {
        let text: String
        do throws(FileProblem) {
            text = try FileProblem.text(at: path, bytesMax: Self.bytesMax)
        } catch {
            throw ConfigError("\(path): \(error.reason)")
        }
        try self.init(yaml: text, path: path)
    }
}

extension ConfigNode {
    /// The text of the file whose path stands here.
    func textOfFile(bytesMax: Int) throws(ConfigError) -> String {
        let path = try self.path()
        do throws(FileProblem) {
            return try FileProblem.text(at: path, bytesMax: bytesMax)
        } catch {
            throw self.error("\(path): \(error.reason)")
        }
    }
}

/// Why a file has no text to take.
private struct FileProblem: Error {
    let reason: String

    static func text(at path: String, bytesMax: Int) throws(FileProblem) -> String {
        let data: Data
        do {
            data = try Data(contentsOf: URL(filePath: path))
        } catch let error as CocoaError {
            throw FileProblem(reason: self.reason(error))
        } catch {
            throw FileProblem(reason: "the file cannot be read")
        }
        guard data.count <= bytesMax else {
            throw FileProblem(reason: "the file is larger than \(bytesMax) bytes")
        }
        guard let text = String(validating: data, as: UTF8.self) else {
            throw FileProblem(reason: "the file is no text in UTF-8")
        }
        return text
    }

    private static func reason(_ error: CocoaError) -> String {
        switch error.code {
        case .fileReadNoSuchFile: "there is no such file"
        case .fileReadNoPermission: "the file may not be read"
        default: "the file cannot be read"
        }
    }
}
