/// The methods a server has, found by the bytes of `:path`.
package final class ServiceTable: Sendable {
    /// A method and its place among all methods of the table.
    package final class Entry: Sendable {
        package let method: Method
        package let index: Int
        fileprivate let path: [UInt8]

        fileprivate init(method: Method, index: Int) {
            self.method = method
            self.index = index
            self.path = Array(method.path.utf8)
        }
    }

    /// All methods, by ``Entry/index``.
    package let entries: [Entry]
    /// Open addressing; a power of two, at most half full.
    private let slots: [Entry?]
    private let services: Set<String>

    /// - Precondition: no two methods have the same path.
    package init(_ methods: [Method]) {
        self.entries = methods.enumerated().map { Entry(method: $1, index: $0) }
        var size = 8
        while size < methods.count * 2 { size *= 2 }
        var slots = [Entry?](repeating: nil, count: size)
        for entry in self.entries {
            var place = entry.path.withUnsafeBytes(Self.hash) & (size - 1)
            while let taken = slots[place] {
                precondition(taken.path != entry.path, "one handler for each path")
                place = (place + 1) & (size - 1)
            }
            slots[place] = entry
        }
        self.slots = slots
        self.services = Set(methods.map { Self.split($0.path[...]).service })
    }

    /// Finds the method of a path.
    /// - Complexity: O(bytes of the path).
    package func entry(_ path: UnsafeRawBufferPointer) -> Entry? {
        let mask = self.slots.count - 1
        var place = Self.hash(path) & mask
        while let entry = self.slots[place] {
            if entry.path.count == path.count,
                entry.path.withUnsafeBytes({ Self.isEqual($0, path) })
            {
                return entry
            }
            place = (place + 1) & mask
        }
        return nil
    }

    /// Says what is wrong with a path that has no method, in the words of grpc-go.
    package func unknown(_ path: UnsafeRawBufferPointer) -> Status {
        let text = String(decoding: path, as: UTF8.self)
        let name = text.hasPrefix("/") ? text.dropFirst() : text[...]
        guard name.contains("/") else {
            return Status(.unimplemented, "malformed method name: \(quoted(path))")
        }
        let (service, method) = Self.split(text[...])
        if self.services.contains(service) {
            return Status(.unimplemented, "unknown method \(method) for service \(service)")
        }
        return Status(.unimplemented, "unknown service \(service)")
    }

    private static func split(_ path: Substring) -> (service: String, method: String) {
        let name = path.first == "/" ? path.dropFirst() : path
        guard let slash = name.lastIndex(of: "/") else { return (String(name), "") }
        return (String(name[..<slash]), String(name[name.index(after: slash)...]))
    }

    /// Mixes the length and the last sixteen bytes, in which the paths of an API differ.
    private static func hash(_ path: UnsafeRawBufferPointer) -> Int {
        var hash = UInt64(truncatingIfNeeded: path.count) &* 0x9e37_79b9_7f4a_7c15
        if path.count >= 16 {
            let last = path.loadUnaligned(fromByteOffset: path.count - 8, as: UInt64.self)
            let before = path.loadUnaligned(fromByteOffset: path.count - 16, as: UInt64.self)
            hash = (hash ^ last) &* 0xff51_afd7_ed55_8ccd
            hash = (hash ^ (hash >> 32) ^ before) &* 0xc4ce_b9fe_1a85_ec53
        } else {
            for byte in path {
                hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3
            }
        }
        return Int(truncatingIfNeeded: hash ^ (hash >> 29))
    }

    private static func isEqual(
        _ one: UnsafeRawBufferPointer,
        _ other: UnsafeRawBufferPointer
    ) -> Bool {
        var position = 0
        while position + 8 <= one.count {
            guard
                one.loadUnaligned(fromByteOffset: position, as: UInt64.self)
                    == other.loadUnaligned(fromByteOffset: position, as: UInt64.self)
            else { return false }
            position += 8
        }
        while position < one.count {
            guard one[position] == other[position] else { return false }
            position += 1
        }
        return true
    }
}
