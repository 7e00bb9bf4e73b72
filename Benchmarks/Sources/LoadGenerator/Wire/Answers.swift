/// What the generator needs of answers.
package enum Answers {
    /// What a Range, or the Range in a failed transaction, brought.
    package struct Page {
        package var revision: Int64 = 0
        package var keys = 0
        package var count: Int64 = 0
        package var more = false
        package var lastKey: [UInt8] = []
        /// The mod revision of the last key.
        package var modRevision: Int64 = 0
    }

    package static func revision(ofHeader bytes: UnsafeRawBufferPointer) -> Int64 {
        var reader = MessageReader(bytes)
        while let field = reader.next() {
            if case .number(3, let revision) = field { return revision }
        }
        return 0
    }

    package static func range(_ message: UnsafeRawBufferPointer) -> Page {
        var page = Page()
        var last: UnsafeRawBufferPointer?
        var reader = MessageReader(message)
        while let field = reader.next() {
            switch field {
            case .bytes(1, let header): page.revision = Self.revision(ofHeader: header)
            case .bytes(2, let pair):
                page.keys += 1
                last = pair
            case .number(3, let more): page.more = more != 0
            case .number(4, let count): page.count = count
            default: break
            }
        }
        if let last {
            var reader = MessageReader(last)
            while let field = reader.next() {
                switch field {
                case .bytes(1, let key): page.lastKey = [UInt8](key)
                case .number(3, let revision): page.modRevision = revision
                default: break
                }
            }
        }
        return page
    }

    /// Whether a transaction's comparison held, and the revision its key has now.
    package static func txn(
        _ message: UnsafeRawBufferPointer
    ) -> (succeeded: Bool, revision: Int64) {
        var succeeded = false
        var revision: Int64 = 0
        var current: Int64 = 0
        var reader = MessageReader(message)
        while let field = reader.next() {
            switch field {
            case .bytes(1, let header): revision = Self.revision(ofHeader: header)
            case .number(2, let flag): succeeded = flag != 0
            case .bytes(3, let response):
                var inner = MessageReader(response)
                if case .bytes(1, let range)? = inner.next() {
                    current = Self.range(range).modRevision
                }
            default: break
            }
        }
        return (succeeded, succeeded ? revision : current)
    }

    /// The lease of a LeaseGrant or of a renewal.
    package static func lease(_ message: UnsafeRawBufferPointer) -> Int64 {
        var reader = MessageReader(message)
        while let field = reader.next() {
            if case .number(2, let lease) = field { return lease }
        }
        return 0
    }

    /// What one response on a watch stream holds.
    package struct Watched {
        package var isCreated = false
        package var isCanceled = false
        package var revision: Int64 = 0
        package var events = 0
    }

    /// Reads a response of a watch, and gives `body` the value of each event.
    package static func watch(
        _ message: UnsafeRawBufferPointer,
        _ body: (UnsafeRawBufferPointer) -> Void
    ) -> Watched {
        var watched = Watched()
        var reader = MessageReader(message)
        while let field = reader.next() {
            switch field {
            case .bytes(1, let header): watched.revision = Self.revision(ofHeader: header)
            case .number(3, let flag): watched.isCreated = flag != 0
            case .number(4, let flag): watched.isCanceled = flag != 0
            case .bytes(11, let event):
                watched.events += 1
                var inner = MessageReader(event)
                while let part = inner.next() {
                    guard case .bytes(2, let pair) = part else { continue }
                    var fields = MessageReader(pair)
                    while let item = fields.next() {
                        if case .bytes(5, let value) = item { body(value) }
                    }
                }
            default: break
            }
        }
        return watched
    }
}
