/// What `grpc-timeout` says: up to eight digits and a unit.
///
/// Source: <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#requests>
package enum Timeout {
    /// Why a timeout cannot be read, in the words of grpc-go.
    package struct Malformed: Error, Hashable {
        package let message: String
    }

    /// The longest value of the header: eight digits and a unit.
    private static let bytesMax = 9

    /// Returns the nanoseconds that `bytes` stands for, at most `UInt64.max`.
    package static func nanoseconds(
        _ bytes: UnsafeRawBufferPointer
    ) throws(Malformed) -> UInt64 {
        guard bytes.count >= 2 else {
            throw Malformed(message: "transport: timeout string is too short: \(quoted(bytes))")
        }
        guard bytes.count <= Self.bytesMax else {
            throw Malformed(message: "transport: timeout string is too long: \(quoted(bytes))")
        }
        let unit: UInt64
        switch bytes[bytes.count - 1] {
        case UInt8(ascii: "n"): unit = 1
        case UInt8(ascii: "u"): unit = 1_000
        case UInt8(ascii: "m"): unit = 1_000_000
        case UInt8(ascii: "S"): unit = 1_000_000_000
        case UInt8(ascii: "M"): unit = 60 * 1_000_000_000
        case UInt8(ascii: "H"): unit = 3_600 * 1_000_000_000
        default:
            throw Malformed(
                message: "transport: timeout unit is not recognized: \(quoted(bytes))"
            )
        }
        var value: UInt64 = 0
        for byte in bytes.dropLast() {
            guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else {
                let digits = UnsafeRawBufferPointer(rebasing: bytes.dropLast())
                throw Malformed(
                    message: "strconv.ParseInt: parsing \(quoted(digits)): invalid syntax"
                )
            }
            value = value * 10 + UInt64(byte - UInt8(ascii: "0"))
        }
        let (product, overflow) = value.multipliedReportingOverflow(by: unit)
        return overflow ? .max : product
    }
}

/// Text from a peer as Go's `%q` prints it, which gRPC's own messages use.
func quoted(_ bytes: some Collection<UInt8>) -> String {
    var text = "\""
    for scalar in String(decoding: bytes, as: UTF8.self).unicodeScalars {
        switch scalar {
        case "\"": text += "\\\""
        case "\\": text += "\\\\"
        case "\n": text += "\\n"
        case "\r": text += "\\r"
        case "\t": text += "\\t"
        case _ where scalar.value < 0x20 || scalar.value == 0x7f:
            text += "\\x" + (scalar.value < 0x10 ? "0" : "") + String(scalar.value, radix: 16)
        default: text.unicodeScalars.append(scalar)
        }
    }
    return text + "\""
}
