/// Gets one key after another, at random.
package final class RangeSource: Source {
    private let keys: Keys
    private var key: [UInt8]
    private var options = Requests.RangeOptions()
    private var dice: Dice

    package init(_ keys: Keys, isSerializable: Bool, worker: Int) {
        self.keys = keys
        self.key = keys.blank
        // As a kube-apiserver gets a key.
        self.options.limit = 1
        self.options.isSerializable = isSerializable
        self.dice = Dice(seed: UInt64(worker) + 1)
    }

    package func prepare(_ call: Call) -> Bool {
        call.method = .range
        call.keepsMessages = false
        self.keys.write(self.dice.below(self.keys.count), into: &self.key)
        Requests.range(self.key, self.options, into: &call.request)
        return true
    }
}
