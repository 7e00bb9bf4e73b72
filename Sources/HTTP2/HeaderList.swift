import CNGHTTP2

/// Header fields to send, laid out as nghttp2 takes them.
///
/// Build the ones that every answer carries once, as a `static let` made with `immortal: true`:
/// nghttp2 then reads them in place instead of copying them for each frame.
package final class HeaderList: @unchecked Sendable {
    // Sendable: written in the initializer only.
    private let storage: UnsafeMutableBufferPointer<UInt8>
    let fields: UnsafeMutableBufferPointer<nghttp2_nv>
    private let immortal: Bool

    /// Lays out `fields`; names must be lower case, and pseudo header fields first.
    /// - Parameter immortal: The list lives as long as the process, so frames may point into it.
    package init(_ fields: [(name: String, value: String)], immortal: Bool = false) {
        let size = fields.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count }
        self.immortal = immortal
        self.storage = .allocate(capacity: max(size, 1))
        self.fields = .allocate(capacity: fields.count)
        var position = 0
        for (index, field) in fields.enumerated() {
            let name = position
            position = self.write(field.name, at: position)
            let value = position
            position = self.write(field.value, at: position)
            let flags =
                immortal
                ? NGHTTP2_NV_FLAG_NO_COPY_NAME.rawValue | NGHTTP2_NV_FLAG_NO_COPY_VALUE.rawValue
                : NGHTTP2_NV_FLAG_NONE.rawValue
            (self.fields.baseAddress.map { $0 + index })?.initialize(
                to: nghttp2_nv(
                    name: self.storage.baseAddress.map { $0 + name },
                    value: self.storage.baseAddress.map { $0 + value },
                    namelen: value - name,
                    valuelen: position - value,
                    flags: UInt8(truncatingIfNeeded: flags)
                )
            )
        }
    }

    deinit {
        precondition(!self.immortal, "frames may still point into this list")
        self.storage.deallocate()
        self.fields.deallocate()
    }

    private func write(_ text: String, at position: Int) -> Int {
        var end = position
        for byte in text.utf8 {
            self.storage[end] = byte
            end += 1
        }
        return end
    }
}
