/// The transactions of a kube-apiserver. Each lane has keys of its own, as objects have one writer
/// mostly.
package final class TxnSource: Source {
    /// What is done to keys.
    package enum Cycle: String, Sendable, CaseIterable {
        /// Updates keys that are there, one after another.
        case update
        /// Creates keys that were never there.
        case create
        /// Creates a key, updates it, and deletes it.
        case cycle
        /// Updates each key once, whatever its revision is, to learn it.
        case learn
    }

    package static let kinds = ["update", "create", "delete"]
    private static let update = 0
    private static let create = 1
    private static let delete = 2

    /// The keys of each tenant; their numbers are shared, as a lane is of one tenant.
    private let keys: [Keys]
    private let count: Int
    private let lanes: Int
    private let cycle: Cycle
    private let table: KeyTable
    private let value: [UInt8]
    /// A key of each tenant, to be written into.
    private var spelled: [[UInt8]]
    /// How many operations each lane has done.
    private var turns: [Int]

    /// - Parameters:
    ///   - keys: those of each tenant, as many of each.
    ///   - table: what is known of the keys; shared by all workers.
    package init(_ keys: [Keys], _ table: KeyTable, _ cycle: Cycle, lanes: Int, valueBytes: Int) {
        self.count = keys.first?.count ?? 0
        precondition(self.count >= lanes, "each lane has a key")
        self.keys = keys
        self.table = table
        self.cycle = cycle
        self.lanes = lanes
        self.value = Values.kubernetes(bytes: valueBytes)
        self.spelled = keys.map(\.blank)
        self.turns = Array(repeating: 0, count: lanes)
    }

    package func prepare(_ call: Call) -> Bool {
        call.method = .txn
        call.keepsMessages = true
        let turn = self.turns[call.lane]
        self.turns[call.lane] += 1
        switch self.cycle {
        case .update:
            self.update(call, key: self.ownKey(call.lane, turn))
        case .learn:
            let key = call.lane + turn * self.lanes
            guard key < self.count else { return false }
            self.update(call, key: key)
        case .create:
            let key = call.lane + turn * self.lanes
            guard key < self.count else { return false }
            self.create(call, key: key)
        case .cycle:
            let key = self.ownKey(call.lane, turn / 3)
            switch turn % 3 {
            case 0: self.create(call, key: key)
            case 1: self.update(call, key: key)
            default: self.delete(call, key: key)
            }
        }
        return true
    }

    /// A lane's n-th key, from the beginning again when it has no more.
    private func ownKey(_ lane: Int, _ number: Int) -> Int {
        let own = (self.count - lane + self.lanes - 1) / self.lanes
        return lane + number % own * self.lanes
    }

    private func update(_ call: Call, key: Int) {
        call.kind = Self.update
        call.key = key
        self.spell(call)
        Requests.update(
            self.spelled[call.tenant],
            self.value,
            at: self.table[key],
            into: &call.request
        )
    }

    private func create(_ call: Call, key: Int) {
        call.kind = Self.create
        call.key = key
        self.spell(call)
        Requests.create(self.spelled[call.tenant], self.value, into: &call.request)
    }

    private func delete(_ call: Call, key: Int) {
        call.kind = Self.delete
        call.key = key
        self.spell(call)
        Requests.delete(self.spelled[call.tenant], at: self.table[key], into: &call.request)
    }

    private func spell(_ call: Call) {
        self.keys[call.tenant].write(call.key, into: &self.spelled[call.tenant])
    }

    package func received(_ message: UnsafeRawBufferPointer, _ call: Call) {
        (call.succeeded, call.revision) = Answers.txn(message)
    }

    package func outcome(of call: Call) -> Recorder.Outcome {
        if call.succeeded || call.kind != Self.create { self.table[call.key] = call.revision }
        return call.succeeded ? .succeeded : .conflict
    }
}
