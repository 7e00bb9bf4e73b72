/// What ends a connection at this layer.
///
/// The peer's fault or the machine's, never ours.
package enum HTTP2Error: Error, Hashable, Sendable {
    /// The peer does not speak HTTP/2: its first bytes are not the connection preface.
    case badPreface
    /// The peer makes this side queue more answers than a connection may hold.
    case flooded
    /// nghttp2 gave up; `code` is its negative error number.
    case library(code: Int)
}

/// Why a stream or a connection is ended, as in RST_STREAM and GOAWAY.
///
/// Source: <https://www.rfc-editor.org/rfc/rfc9113#name-error-codes>
package struct ErrorCode: RawRepresentable, Hashable, Sendable {
    /// As it is written in the frame.
    package let rawValue: UInt32

    package init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    package static let noError = Self(rawValue: 0x0)
    package static let protocolError = Self(rawValue: 0x1)
    package static let internalError = Self(rawValue: 0x2)
    package static let flowControlError = Self(rawValue: 0x3)
    package static let frameSizeError = Self(rawValue: 0x6)
    package static let refusedStream = Self(rawValue: 0x7)
    package static let cancel = Self(rawValue: 0x8)
    package static let enhanceYourCalm = Self(rawValue: 0xb)
}
