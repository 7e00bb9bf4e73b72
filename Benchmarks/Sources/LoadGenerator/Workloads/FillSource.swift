/// Puts all keys of a keyspace, many in a transaction.
package final class FillSource: Source {
    /// Operations in a transaction: etcd's own limit is 128.
    private static let batch = 100
    /// A transaction has at most so many bytes of values: etcd refuses 1.5 MiB.
    private static let batchBytesMax = 1 << 20

    private let keys: Keys
    private let value: [UInt8]
    private let batch: Int
    private var next: Int
    private let stride: Int

    /// - Parameter worker: which of `workers`; each has every n-th batch.
    package init(_ keys: Keys, valueBytes: Int, worker: Int = 0, workers: Int = 1) {
        self.keys = keys
        self.value = Values.kubernetes(bytes: valueBytes)
        self.batch = max(1, min(Self.batch, Self.batchBytesMax / max(1, valueBytes + 100)))
        self.next = worker * self.batch
        self.stride = workers * self.batch
    }

    package func prepare(_ call: Call) -> Bool {
        guard self.next < self.keys.count else { return false }
        let numbers = self.next..<min(self.next + self.batch, self.keys.count)
        call.method = .txn
        call.keepsMessages = false
        Requests.puts(numbers.map(self.keys.key), self.value, into: &call.request)
        self.next += self.stride
        return true
    }
}
