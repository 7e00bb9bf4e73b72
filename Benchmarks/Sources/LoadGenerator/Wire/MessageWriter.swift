/// Writes protobuf messages; whoever calls knows the fields and their order.
package struct MessageWriter: ~Copyable {
    package private(set) var bytes: [UInt8]

    package init(reusing bytes: consuming [UInt8] = []) {
        self.bytes = bytes
        self.bytes.removeAll(keepingCapacity: true)
    }

    package consuming func finish() -> [UInt8] { self.bytes }

    package static func varintBytes(_ number: UInt64) -> Int {
        (70 - (number | 1).leadingZeroBitCount) / 7
    }

    /// The bytes of a field with `count` bytes in it; the number of the field is below 16.
    package static func fieldBytes(_ count: Int) -> Int {
        1 + Self.varintBytes(UInt64(count)) + count
    }

    /// The bytes of a number's field; 0 when it is 0 and so left out.
    package static func numberBytes(_ number: Int64) -> Int {
        number == 0 ? 0 : 1 + Self.varintBytes(UInt64(bitPattern: number))
    }

    package mutating func varint(_ number: UInt64) {
        var rest = number
        while rest > 127 {
            self.bytes.append(UInt8(truncatingIfNeeded: rest) | 128)
            rest >>= 7
        }
        self.bytes.append(UInt8(rest))
    }

    /// A field of bytes; left out when there are none, as proto3 has it.
    package mutating func field(_ number: UInt8, _ value: [UInt8]) {
        guard !value.isEmpty else { return }
        self.begin(number, value.count)
        self.bytes.append(contentsOf: value)
    }

    /// A field of a number; left out when it is 0.
    package mutating func field(_ number: UInt8, _ value: Int64) {
        guard value != 0 else { return }
        self.oneof(number, value)
    }

    /// A member of a `oneof`, which is there though it be 0.
    package mutating func oneof(_ number: UInt8, _ value: Int64) {
        self.bytes.append(number << 3)
        self.varint(UInt64(bitPattern: value))
    }

    /// Begins a field with `count` bytes in it, which follow.
    package mutating func begin(_ number: UInt8, _ count: Int) {
        self.bytes.append(number << 3 | 2)
        self.varint(UInt64(count))
    }

    /// Begins a gRPC message of `count` bytes.
    package mutating func frame(_ count: Int) {
        self.bytes.append(0)
        let length = UInt32(count)
        for shift in [24, 16, 8, 0] as [UInt32] {
            self.bytes.append(UInt8(truncatingIfNeeded: length >> shift))
        }
    }
}
