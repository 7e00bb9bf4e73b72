/// Counts amounts in buckets whose bounds double. Any thread may read.
package final class Histogram: Sendable {
    /// The buckets' upper bounds, in whatever unit the amounts have.
    package struct Scale: Hashable, Sendable {
        package let first: Int
        package let count: Int

        /// - Precondition: `first` > 0, and the last bound fits into an `Int`.
        package init(first: Int, count: Int) {
            precondition(first > 0 && count > 0 && count <= first.leadingZeroBitCount)
            self.first = first
            self.count = count
        }

        /// Nanoseconds from 125 µs to 8.192 s. The bounds of etcd's histograms of disks, which begin at
        /// 1 ms, are among them.
        package static let durations = Scale(first: 125_000, count: 17)
        /// 1 to 4,096.
        package static let sizes = Scale(first: 1, count: 13)

        package var bounds: [Int] { (0..<self.count).map { self.first << $0 } }

        /// The bucket of an amount: the number of doublings of the first bound that reach it, or
        /// `count` when none does.
        func bucket(of amount: Int) -> Int {
            guard amount > self.first else { return 0 }
            let whole = (amount - 1) / self.first
            return min(Int.bitWidth - whole.leadingZeroBitCount, self.count)
        }
    }

    /// What a histogram held at about one moment.
    package struct Counts: Hashable, Sendable {
        package let scale: Scale
        /// Amounts up to each bound and above the one before; then those above all bounds.
        package private(set) var buckets: [Int]
        /// All amounts together.
        package private(set) var sum: Int

        package init(_ scale: Scale) {
            self.scale = scale
            self.buckets = Array(repeating: 0, count: scale.count + 1)
            self.sum = 0
        }

        fileprivate init(_ histogram: Histogram) {
            self.scale = histogram.scale
            self.buckets = (0...scale.count).map { histogram.cells.value(at: $0) }
            self.sum = histogram.cells.value(at: scale.count + 1)
        }

        /// How many amounts were recorded.
        package var count: Int { self.buckets.reduce(0, +) }

        /// Adds what another histogram of the same scale counted.
        package static func += (total: inout Counts, part: Counts) {
            precondition(total.scale == part.scale)
            for place in total.buckets.indices { total.buckets[place] += part.buckets[place] }
            total.sum += part.sum
        }
    }

    private let scale: Scale
    /// The buckets, then the sum.
    private let cells: Cells

    package init(_ scale: Scale) {
        self.scale = scale
        self.cells = Cells(count: scale.count + 2)
    }

    /// Counts an amount; a negative one as 0. Any thread may record.
    package func record(_ amount: Int) {
        let amount = max(0, amount)
        self.cells.add(1, at: self.scale.bucket(of: amount))
        self.cells.add(amount, at: self.scale.count + 1)
    }

    /// Counts an amount in a histogram that one thread alone writes, which is cheaper.
    package func recordAlone(_ amount: Int) {
        let amount = max(0, amount)
        self.cells.addAlone(1, at: self.scale.bucket(of: amount))
        self.cells.addAlone(amount, at: self.scale.count + 1)
    }

    package var counts: Counts { Counts(self) }
}
