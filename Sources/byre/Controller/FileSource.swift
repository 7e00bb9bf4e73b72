package import Controller
import Dispatch
import Engine
import FoundationEssentials
import Glibc
import Synchronization

/// Declared tenants in a file, or in all files of a directory that end in `.yaml` or `.yml`.
///
/// Tells of changes by looking at the files once a second: that sees changes through any kind of
/// mount and link.
package final class FileSource: TenantSource {
    /// Where the files are.
    package enum Place: Hashable, Sendable {
        case file(String)
        case directory(String)
    }

    /// How often it is looked whether files have changed.
    private static let lookInterval = DispatchTimeInterval.seconds(1)
    /// Most files of a directory.
    private static let filesMax = 1_000

    package let owner: String
    package let goneMeansRemoved = true
    package let isLeading = true
    private let place: Place
    private let defaults: TenantFile.Defaults
    private let ending = DispatchSemaphore(value: 0)
    private let watcher = Mutex<WorkerThread?>(nil)

    /// - Parameter owner: what the controller calls itself; nil for what follows from the place.
    package init(_ place: Place, owner: String?, defaults: TenantFile.Defaults) {
        self.place = place
        self.defaults = defaults
        self.owner = owner ?? Self.owner(of: place)
    }

    /// The same for every way to write the path.
    private static func owner(of place: Place) -> String {
        let (kind, path) =
            switch place {
            case .file(let path): ("file", path)
            case .directory(let path): ("directory", path)
            }
        guard let resolved = realpath(path, nil) else {
            // Not there yet: the directory above it may be.
            let absolute = path.hasPrefix("/") ? path : (Self.workingDirectory + "/" + path)
            return "\(kind):\(absolute)"
        }
        defer { free(resolved) }
        return "\(kind):\(String(cString: resolved))"
    }

    private static var workingDirectory: String {
        guard let path = getcwd(nil, 0) else { return "" }
        defer { free(path) }
        return String(cString: path)
    }

    // MARK: TenantSource

    package func declarations() throws(SourceFailure) -> [DesiredTenant] {
        do throws(ConfigError) {
            return try TenantFile.read(try self.paths(), defaults: self.defaults)
        } catch {
            throw .invalid([error.message])
        }
    }

    /// The files, in the order of their names.
    private func paths() throws(ConfigError) -> [String] {
        switch self.place {
        case .file(let path): return [path]
        case .directory(let directory):
            let names: [String]
            do {
                names = try FileManager.default.contentsOfDirectory(atPath: directory)
            } catch {
                throw ConfigError("\(directory): the directory cannot be read")
            }
            // Names with a dot in front are those of editors, and of Kubernetes' mounts.
            let files = names.filter { name in
                !name.hasPrefix(".") && [".yaml", ".yml"].contains(where: name.hasSuffix)
            }
            // A mount that is missing must not look like tenants that are gone.
            guard !files.isEmpty else {
                throw ConfigError(
                    "\(directory): holds no .yaml file; a file with tenants: [] declares none"
                )
            }
            guard files.count <= Self.filesMax else {
                throw ConfigError("\(directory): holds more than \(Self.filesMax) files")
            }
            return files.sorted().map { "\(directory)/\($0)" }
        }
    }

    private func stamps() -> [FileStamp]? {
        guard let paths = try? self.paths() else { return nil }
        return paths.map { FileStamp($0) }
    }

    package func start(_ wakeup: Wakeup) {
        // Taken here, so that no change after this is missed.
        let first = self.stamps()
        let thread = WorkerThread(name: "byre-files") {
            var known = first
            var last = first
            while self.ending.wait(timeout: .now() + Self.lookInterval) == .timedOut {
                let present = self.stamps()
                // A file that is being written is left alone until it is the same twice.
                defer { last = present }
                guard present != known, present == last else { continue }
                known = present
                wakeup.wake()
            }
        }
        self.watcher.withLock { $0 = thread }
    }

    package func stop() {
        guard let thread = self.watcher.withLock({ $0.take() }) else { return }
        self.ending.signal()
        thread.join()
    }

    /// Files are not written to: the controller's status tells how it went.
    package func report(_ outcome: TenantOutcome) {}
}
