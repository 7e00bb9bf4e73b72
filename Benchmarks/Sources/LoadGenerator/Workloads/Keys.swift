/// The keys of a workload: a prefix and a number of nine digits.
package struct Keys: Sendable {
    package static let digits = 9

    package let prefix: [UInt8]
    package let count: Int

    package init(prefix: String, count: Int) {
        self.prefix = Array(prefix.utf8)
        self.count = count
    }

    /// A key to be written into, again and again.
    package var blank: [UInt8] { self.prefix + [UInt8](repeating: 48, count: Self.digits) }

    /// Turns `key` into the key of `number`.
    package func write(_ number: Int, into key: inout [UInt8]) {
        var rest = number
        for place in stride(from: key.count - 1, through: self.prefix.count, by: -1) {
            key[place] = UInt8(48 + rest % 10)
            rest /= 10
        }
    }

    package func key(_ number: Int) -> [UInt8] {
        var key = self.blank
        self.write(number, into: &key)
        return key
    }

    /// The end of the range of all keys with the prefix, as etcd's clients compute it.
    package var end: [UInt8] { Self.end(of: self.prefix) }

    package static func end(of prefix: [UInt8]) -> [UInt8] {
        var end = prefix
        while let last = end.popLast() {
            if last < 255 { return end + [last + 1] }
        }
        return [0]
    }
}

/// Values like those of a kube-apiserver: its mark, and bytes that do not compress.
package enum Values {
    package static func kubernetes(bytes: Int) -> [UInt8] {
        var dice = Dice(seed: UInt64(bytes))
        var value: [UInt8] = Array("k8s\0".utf8)
        while value.count < bytes { value.append(UInt8(truncatingIfNeeded: dice.next())) }
        return Array(value.prefix(bytes))
    }
}
