import FoundationEssentials

extension ConfigFile {
    /// Largest file that is read.
    private static var bytesMax: Int { 1 << 20 }

    /// Reads the file at `path`.
    package init(path: String) throws(ConfigError) {
        let text = try ConfigText.read(path, bytesMax: Self.bytesMax)
        try self.init(yaml: text, path: path)
    }
}

/// Files with settings, before anything in them is understood.
enum ConfigText {
    /// Reads a file whole.
    static func read(_ path: String, bytesMax: Int) throws(ConfigError) -> String {
        let data: Data
        do {
            data = try Data(contentsOf: URL(filePath: path))
        } catch let error as CocoaError {
            throw ConfigError("\(path): \(Self.reason(error))")
        } catch {
            throw ConfigError("\(path): the file cannot be read")
        }
        guard data.count <= bytesMax else {
            throw ConfigError("\(path): the file is larger than \(bytesMax) bytes")
        }
        guard let text = String(validating: data, as: UTF8.self) else {
            throw ConfigError("\(path): the file is no text in UTF-8")
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
