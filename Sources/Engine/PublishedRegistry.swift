import ByreCore
import Synchronization

/// What all threads see of the registry.
final class PublishedRegistry: Sendable {
    private let current: Mutex<TenantDirectory>
    private let observers = Mutex<[@Sendable (TenantEvent, TenantDirectory) -> Void]>([])
    private let erasings = Mutex<[ErasingProgress]>([])

    init(_ directory: TenantDirectory) {
        self.current = Mutex(directory)
    }

    var directory: TenantDirectory { self.current.withLock { $0 } }

    var erasing: [ErasingProgress] { self.erasings.withLock { $0 } }

    func observe(_ body: @escaping @Sendable (TenantEvent, TenantDirectory) -> Void) {
        self.observers.withLock { $0.append(body) }
    }

    func publish(_ directory: TenantDirectory, _ event: TenantEvent) {
        self.current.withLock { $0 = directory }
        for observer in self.observers.withLock({ $0 }) { observer(event, directory) }
    }

    func publish(_ erasing: [ErasingProgress]) {
        self.erasings.withLock { $0 = erasing }
    }
}
