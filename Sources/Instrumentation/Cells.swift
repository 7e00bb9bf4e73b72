import Synchronization

/// A fixed row of numbers that any thread may read.
package final class Cells: @unchecked Sendable {
    // Sendable: the pointer is constant, and what it points to are atomics.
    private let cells: UnsafeMutablePointer<Atomic<Int>>
    private let count: Int

    package init(count: Int) {
        self.count = count
        self.cells = .allocate(capacity: count)
        for index in 0..<count {
            (self.cells + index).initialize(to: Atomic(0))
        }
    }

    deinit {
        self.cells.deinitialize(count: self.count)
        self.cells.deallocate()
    }

    /// Adds to a number that has one writer: a load and a store are enough, and cheaper than an atomic
    /// addition.
    package func addAlone(_ amount: Int, at index: Int) {
        precondition(index >= 0 && index < self.count)
        let sum = self.cells[index].load(ordering: .relaxed) &+ amount
        self.cells[index].store(sum, ordering: .relaxed)
    }

    /// Adds to a number that several threads write.
    package func add(_ amount: Int, at index: Int) {
        precondition(index >= 0 && index < self.count)
        self.cells[index].add(amount, ordering: .relaxed)
    }

    package func value(at index: Int) -> Int {
        precondition(index >= 0 && index < self.count)
        return self.cells[index].load(ordering: .relaxed)
    }
}
