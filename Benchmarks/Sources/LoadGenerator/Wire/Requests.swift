/// The requests of a kube-apiserver and of plain clients, byte for byte as etcd's client in Go
/// writes them, each in its gRPC frame.
package enum Requests {
    /// What a Range asks for beside its key.
    package struct RangeOptions: Sendable {
        package var end: [UInt8] = []
        package var limit: Int64 = 0
        package var revision: Int64 = 0
        package var isSerializable = false
        package var isCountOnly = false

        package init() {}
    }

    package static func range(
        _ key: [UInt8],
        _ options: RangeOptions = RangeOptions(),
        into bytes: inout [UInt8]
    ) {
        var size = MessageWriter.fieldBytes(key.count)
        if !options.end.isEmpty { size += MessageWriter.fieldBytes(options.end.count) }
        size += MessageWriter.numberBytes(options.limit)
        size += MessageWriter.numberBytes(options.revision)
        if options.isSerializable { size += 2 }
        if options.isCountOnly { size += 2 }
        Self.framed(size, &bytes) { writer in
            writer.field(1, key)
            writer.field(2, options.end)
            writer.field(3, options.limit)
            writer.field(4, options.revision)
            writer.field(7, options.isSerializable ? 1 : 0)
            writer.field(9, options.isCountOnly ? 1 : 0)
        }
    }

    package static func put(
        _ key: [UInt8],
        _ value: [UInt8],
        lease: Int64 = 0,
        into bytes: inout [UInt8]
    ) {
        Self.framed(Self.putBytes(key, value, lease), &bytes) { writer in
            Self.writePut(&writer, key, value, lease)
        }
    }

    /// A kube-apiserver's create: the key is not there yet.
    package static func create(
        _ key: [UInt8],
        _ value: [UInt8],
        lease: Int64 = 0,
        into bytes: inout [UInt8]
    ) {
        let compare = Self.compareBytes(key, 0)
        let put = Self.putBytes(key, value, lease)
        let size =
            MessageWriter.fieldBytes(compare)
            + MessageWriter.fieldBytes(MessageWriter.fieldBytes(put))
        Self.framed(size, &bytes) { writer in
            Self.writeCompare(&writer, key, 0)
            writer.begin(2, MessageWriter.fieldBytes(put))
            writer.begin(2, put)
            Self.writePut(&writer, key, value, lease)
        }
    }

    /// A kube-apiserver's update: the key is as it was at `revision`; else what is it?
    package static func update(
        _ key: [UInt8],
        _ value: [UInt8],
        at revision: Int64,
        lease: Int64 = 0,
        into bytes: inout [UInt8]
    ) {
        let compare = Self.compareBytes(key, revision)
        let put = Self.putBytes(key, value, lease)
        let get = MessageWriter.fieldBytes(key.count)
        let size =
            MessageWriter.fieldBytes(compare)
            + MessageWriter.fieldBytes(MessageWriter.fieldBytes(put))
            + MessageWriter.fieldBytes(MessageWriter.fieldBytes(get))
        Self.framed(size, &bytes) { writer in
            Self.writeCompare(&writer, key, revision)
            writer.begin(2, MessageWriter.fieldBytes(put))
            writer.begin(2, put)
            Self.writePut(&writer, key, value, lease)
            Self.writeElseGet(&writer, key)
        }
    }

    /// A kube-apiserver's delete.
    package static func delete(
        _ key: [UInt8],
        at revision: Int64,
        into bytes: inout [UInt8]
    ) {
        let compare = Self.compareBytes(key, revision)
        let get = MessageWriter.fieldBytes(key.count)
        let size =
            MessageWriter.fieldBytes(compare)
            + 2 * MessageWriter.fieldBytes(MessageWriter.fieldBytes(get))
        Self.framed(size, &bytes) { writer in
            Self.writeCompare(&writer, key, revision)
            writer.begin(2, MessageWriter.fieldBytes(get))
            writer.begin(3, get)
            writer.field(1, key)
            Self.writeElseGet(&writer, key)
        }
    }

    /// Many puts in one transaction, to fill a store.
    package static func puts(
        _ keys: [[UInt8]],
        _ value: [UInt8],
        into bytes: inout [UInt8]
    ) {
        let sizes = keys.map { Self.putBytes($0, value, 0) }
        let size = sizes.reduce(0) {
            $0 + MessageWriter.fieldBytes(MessageWriter.fieldBytes($1))
        }
        Self.framed(size, &bytes) { writer in
            for (key, put) in zip(keys, sizes) {
                writer.begin(2, MessageWriter.fieldBytes(put))
                writer.begin(2, put)
                Self.writePut(&writer, key, value, 0)
            }
        }
    }

    /// A watch as a kube-apiserver's cache begins it.
    package static func watch(
        _ key: [UInt8],
        end: [UInt8],
        from revision: Int64,
        previous: Bool = true,
        progress: Bool = true,
        into bytes: inout [UInt8]
    ) {
        var size = MessageWriter.fieldBytes(key.count) + MessageWriter.numberBytes(revision)
        if !end.isEmpty { size += MessageWriter.fieldBytes(end.count) }
        if previous { size += 2 }
        if progress { size += 2 }
        Self.framed(MessageWriter.fieldBytes(size), &bytes) { writer in
            writer.begin(1, size)
            writer.field(1, key)
            writer.field(2, end)
            writer.field(3, revision)
            writer.field(4, progress ? 1 : 0)
            writer.field(6, previous ? 1 : 0)
        }
    }

    /// Asks how far a stream's watches have come.
    package static func watchProgress(into bytes: inout [UInt8]) {
        Self.framed(2, &bytes) { $0.begin(3, 0) }
    }

    package static func leaseGrant(seconds: Int64, into bytes: inout [UInt8]) {
        Self.framed(MessageWriter.numberBytes(seconds), &bytes) { $0.field(1, seconds) }
    }

    /// A renewal or a revocation: both have the lease alone.
    package static func lease(_ lease: Int64, into bytes: inout [UInt8]) {
        Self.framed(MessageWriter.numberBytes(lease), &bytes) { $0.field(1, lease) }
    }

    /// Asks for a tenant of this name.
    package static func tenantCreate(_ name: [UInt8], into bytes: inout [UInt8]) {
        Self.framed(MessageWriter.fieldBytes(name.count), &bytes) { $0.field(1, name) }
    }

    package static func empty(into bytes: inout [UInt8]) {
        Self.framed(0, &bytes) { _ in }
    }

    // MARK: Parts

    private static func framed(
        _ size: Int,
        _ bytes: inout [UInt8],
        _ body: (inout MessageWriter) -> Void
    ) {
        var reused: [UInt8] = []
        swap(&reused, &bytes)
        var writer = MessageWriter(reusing: reused)
        writer.frame(size)
        body(&writer)
        bytes = writer.finish()
        assert(bytes.count == size + 5, "a message has the size that was announced")
    }

    private static func putBytes(_ key: [UInt8], _ value: [UInt8], _ lease: Int64) -> Int {
        MessageWriter.fieldBytes(key.count)
            + (value.isEmpty ? 0 : MessageWriter.fieldBytes(value.count))
            + MessageWriter.numberBytes(lease)
    }

    private static func writePut(
        _ writer: inout MessageWriter,
        _ key: [UInt8],
        _ value: [UInt8],
        _ lease: Int64
    ) {
        writer.field(1, key)
        writer.field(2, value)
        writer.field(3, lease)
    }

    /// Result EQUAL is 0 and left out; target MOD is 2; the revision is a `oneof`.
    private static func compareBytes(_ key: [UInt8], _ revision: Int64) -> Int {
        2 + MessageWriter.fieldBytes(key.count) + max(2, MessageWriter.numberBytes(revision))
    }

    private static func writeCompare(
        _ writer: inout MessageWriter,
        _ key: [UInt8],
        _ revision: Int64
    ) {
        writer.begin(1, Self.compareBytes(key, revision))
        writer.field(2, 2)
        writer.field(3, key)
        writer.oneof(6, revision)
    }

    private static func writeElseGet(_ writer: inout MessageWriter, _ key: [UInt8]) {
        let get = MessageWriter.fieldBytes(key.count)
        writer.begin(3, MessageWriter.fieldBytes(get))
        writer.begin(1, get)
        writer.field(1, key)
    }
}
