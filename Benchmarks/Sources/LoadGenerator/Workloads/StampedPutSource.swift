/// Puts values that begin with the time at which they were to be sent.
package final class StampedPutSource: Source {
    private let keys: Keys
    private var key: [UInt8]
    private var value: [UInt8]
    private var next = 0

    package init(_ keys: Keys, valueBytes: Int) {
        self.keys = keys
        self.key = keys.blank
        self.value = [UInt8](repeating: 120, count: max(8, valueBytes))
    }

    package func prepare(_ call: Call) -> Bool {
        call.method = .put
        call.keepsMessages = false
        self.keys.write(self.next, into: &self.key)
        self.next = (self.next + 1) % self.keys.count
        self.value.withUnsafeMutableBytes {
            $0.storeBytes(of: call.intended.littleEndian, as: UInt64.self)
        }
        Requests.put(self.key, self.value, into: &call.request)
        return true
    }
}
