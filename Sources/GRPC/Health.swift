import Synchronization

/// The service `grpc.health.v1.Health`, whose two small messages are written here by hand.
///
/// Request: field 1, string, the service asked about; `""` is the server as a whole. Response: field
/// 1, enum, the state.
///
/// Source: <https://github.com/grpc/grpc/blob/master/doc/health-checking.md>
package final class Health: Sendable {
    /// What a service is said to be.
    package enum State: UInt8, Sendable {
        case unknown = 0
        case serving = 1
        case notServing = 2
        case serviceUnknown = 3

        fileprivate var message: FramedMessage {
            var bytes = [UInt8](repeating: 0, count: FramedMessage.prefixLength)
            if self != .unknown {
                bytes.append(0x08)
                bytes.append(self.rawValue)
            }
            return FramedMessage(reserved: bytes)
        }
    }

    private struct Watch {
        let service: String
        let call: LoopBound<ServerCall>
    }

    private struct Registry {
        var states: [String: State] = ["": .serving]
        var watches: [UInt64: Watch] = [:]
        var nextWatch: UInt64 = 0
    }

    /// Protects states and watches, so that no watch misses a change between the two.
    private let registry = Mutex(Registry())

    package init() {}

    /// Sets the state of `service` and tells those who watch it.
    /// - Complexity: O(watches).
    package func set(_ service: String, _ state: State) {
        let watching = self.registry.withLock { registry -> [LoopBound<ServerCall>] in
            guard registry.states[service] != state else { return [] }
            registry.states[service] = state
            return registry.watches.values.filter { $0.service == service }.map(\.call)
        }
        for call in watching {
            call.loop.execute { call.value.send(state.message) }
        }
    }

    /// The service's methods.
    package var methods: [Method] {
        [
            Method(
                path: "/grpc.health.v1.Health/Check",
                kind: .unary { request, call in self.check(request, call) }
            ),
            Method(
                path: "/grpc.health.v1.Health/Watch",
                kind: .streaming { call in Watcher(health: self, call: call) }
            ),
        ]
    }

    private func check(_ request: RawSpan, _ call: ServerCall) {
        guard let service = Self.service(in: request) else {
            return call.fail(Self.malformed)
        }
        guard let state = self.registry.withLock({ $0.states[service] }) else {
            return call.fail(Status(.notFound, "unknown service"))
        }
        call.reply(state.message)
    }

    private static let malformed = Status(
        .internal,
        "grpc: error unmarshalling request: proto: cannot parse invalid wire-format data"
    )

    fileprivate func watch(_ service: String, _ call: ServerCall) -> UInt64 {
        let bound = LoopBound(call, loop: call.loop)
        let (id, state) = self.registry.withLock { registry in
            let id = registry.nextWatch
            registry.nextWatch += 1
            registry.watches[id] = Watch(service: service, call: bound)
            return (id, registry.states[service] ?? .serviceUnknown)
        }
        call.send(state.message)
        return id
    }

    fileprivate func forget(_ id: UInt64) {
        _ = self.registry.withLock { $0.watches.removeValue(forKey: id) }
    }

    /// One call of `Watch`.
    private final class Watcher: StreamHandler {
        private let health: Health
        private weak var call: ServerCall?
        private var id: UInt64?

        init(health: Health, call: ServerCall) {
            self.health = health
            self.call = call
        }

        func received(_ message: RawSpan) {
            guard let call, self.id == nil else { return }
            guard let service = Health.service(in: message) else {
                return call.finish(Health.malformed)
            }
            self.id = self.health.watch(service, call)
        }

        func halfClosed() {
            if self.id == nil {
                self.call?.finish(Status(.internal, "EOF"))
            }
        }

        func ended(_ reason: Status) {
            if let id { self.health.forget(id) }
        }

        func drained() {}
    }

    /// Reads field 1 of the request, and skips others.
    /// - Returns: nil when the bytes are no protobuf message.
    private static func service(in request: RawSpan) -> String? {
        request.withUnsafeBytes { bytes in
            var rest = bytes[...]
            var service = ""
            while !rest.isEmpty {
                guard let tag = Self.varint(&rest), tag >> 3 != 0 else { return nil }
                switch tag & 7 {
                case 0:
                    guard Self.varint(&rest) != nil else { return nil }
                case 1:
                    guard rest.count >= 8 else { return nil }
                    rest = rest.dropFirst(8)
                case 2:
                    guard let count = Self.varint(&rest), count <= UInt64(rest.count) else {
                        return nil
                    }
                    if tag >> 3 == 1 {
                        guard let text = String(validating: rest.prefix(Int(count)), as: UTF8.self)
                        else { return nil }
                        service = text
                    }
                    rest = rest.dropFirst(Int(count))
                case 5:
                    guard rest.count >= 4 else { return nil }
                    rest = rest.dropFirst(4)
                default: return nil
                }
            }
            return service
        }
    }

    private static func varint(_ bytes: inout Slice<UnsafeRawBufferPointer>) -> UInt64? {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 70, by: 7) {
            guard let byte = bytes.popFirst() else { return nil }
            value |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return value }
        }
        return nil
    }
}
