import Glibc

/// Numbers that look random and are the same for the same seed (SplitMix64).
package struct Dice: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(seed: UInt64) {
        self.state = seed
    }

    package mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var word = self.state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }

    /// A number below `bound`.
    package mutating func below(_ bound: Int) -> Int {
        Int(truncatingIfNeeded: self.next().multipliedFullWidth(by: UInt64(bound)).high)
    }

    /// At least 0 and below 1.
    package mutating func fraction() -> Double {
        Double(self.next() >> 11) / Double(1 << 53 as UInt64)
    }

    /// From the exponential distribution of mean 1: the pauses of a Poisson process.
    package mutating func exponential() -> Double {
        -log(1 - self.fraction())
    }
}
