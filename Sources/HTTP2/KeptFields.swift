/// The header fields of a peer's last request, to tell what the next one says differently.
///
/// Requests of a connection mostly differ in one field or none, and what a peer sent before is mostly the
/// same object: to see that is cheaper than to look at the bytes again.
package final class KeptFields {
    /// Longest header list that is kept, counted as in ``SessionLimits/headerListBytesMax``; nothing is
    /// kept of a longer one, and all of the next is news.
    private static let sizeMax = 4 << 10

    /// Keeps the memory that the fields lie in.
    private let buffers: SessionBuffers
    @exclusivity(unchecked) private var fields: [HeaderField] = []
    /// Whether ``fields`` is the last request's head, which may be an empty one.
    @exclusivity(unchecked) private var isKept = false

    package init(_ buffers: SessionBuffers) {
        self.buffers = buffers
    }

    deinit {
        for field in self.fields { field.release() }
    }

    /// Keeps the fields at `range` of the buffers instead of those before.
    /// - Returns: the names of all fields that are new, gone, or at another place, or have another value.
    /// - Complexity: O(fields), and O(bytes) of those that are not the same objects.
    package func change(to range: Range<Int>) -> HeaderNames {
        let new = self.buffers.fields[range]
        guard self.isKept, self.fields.count == new.count else {
            self.keep(new)
            return .all
        }
        var changed = HeaderNames()
        for (place, field) in zip(self.fields.indices, new) {
            let before = self.fields[place]
            guard !field.isSame(as: before) else { continue }
            changed.formUnion([HeaderNames(field.name), HeaderNames(before.name)])
            field.retain()
            before.release()
            self.fields[place] = field
        }
        if !changed.isEmpty, Self.size(of: new) > Self.sizeMax { self.keep(nil) }
        return changed
    }

    /// Keeps a head unless it is too long.
    private func keep(_ new: ArraySlice<HeaderField>?) {
        var kept: [HeaderField] = []
        self.isKept = false
        if let new, Self.size(of: new) <= Self.sizeMax {
            for field in new { field.retain() }
            kept = Array(new)
            self.isKept = true
        }
        swap(&kept, &self.fields)
        for field in kept { field.release() }
    }

    private static func size(of fields: ArraySlice<HeaderField>) -> Int {
        fields.reduce(0) { $0 + Int($1.size) }
    }
}

/// A set of header field names; names that are not of the table are one.
package struct HeaderNames: OptionSet, Hashable, Sendable {
    package let rawValue: UInt32

    package init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    package init(_ name: HeaderName) {
        self.rawValue = 1 << UInt32(name.rawValue)
    }

    package static let all = Self(rawValue: .max)
    package static let authority = Self(.authority)
    package static let other = Self(.other)
}
