import COpenSSL

/// A version of TLS, by etcd's name for it.
///
/// Older ones are not offered.
package enum ProtocolVersion: String, Sendable, CaseIterable, Comparable {
    case tls12 = "TLS1.2"
    case tls13 = "TLS1.3"

    /// Reads the value of `--tls-min-version` or `--tls-max-version`.
    /// - Throws: ``TLSError/settings(_:)`` for any other text.
    package init(name: String) throws(TLSError) {
        guard let version = Self(rawValue: name) else {
            throw .settings("TLS version \"\(name)\" is unknown: it is TLS1.2 or TLS1.3")
        }
        self = version
    }

    package static func < (lower: Self, upper: Self) -> Bool {
        lower.number < upper.number
    }

    /// The number the protocol and OpenSSL give it.
    var number: CInt {
        switch self {
        case .tls12: TLS1_2_VERSION
        case .tls13: TLS1_3_VERSION
        }
    }

    /// - Returns: nil for a version that this module does not offer.
    init?(number: CInt) {
        guard let version = Self.allCases.first(where: { $0.number == number }) else { return nil }
        self = version
    }
}

extension ProtocolVersion {
    /// The versions from `lowest` to `highest`.
    /// - Throws: ``TLSError/settings(_:)`` when there are none.
    package static func range(
        from lowest: Self,
        to highest: Self
    ) throws(TLSError) -> ClosedRange<Self> {
        guard lowest <= highest else {
            throw .settings(
                "lowest TLS version \(lowest.rawValue) is above the highest, \(highest.rawValue)"
            )
        }
        return lowest...highest
    }
}
