/// Puts one key after another, at random.
package final class PutSource: Source {
    private let keys: Keys
    private var key: [UInt8]
    private let value: [UInt8]
    private var dice: Dice

    package init(_ keys: Keys, valueBytes: Int, worker: Int) {
        self.keys = keys
        self.key = keys.blank
        self.value = Values.kubernetes(bytes: valueBytes)
        self.dice = Dice(seed: UInt64(worker) + 1)
    }

    package func prepare(_ call: Call) -> Bool {
        call.method = .put
        call.keepsMessages = false
        self.keys.write(self.dice.below(self.keys.count), into: &self.key)
        Requests.put(self.key, self.value, into: &call.request)
        return true
    }
}
