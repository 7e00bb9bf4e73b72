/// Asks what a control plane asks, at random by the rates of a profile. Each lane has objects of its
/// own.
package final class MixedSource: Source {
    package static let kinds = ["get", "update", "create", "delete", "grant"]
    private static let get = 0
    private static let update = 1
    private static let create = 2
    private static let delete = 3
    private static let grant = 4

    private static let leaseBytes = 400
    private static let objectBytes = 10_240
    private static let eventBytes = 1_024
    private static let leaseSeconds: Int64 = 3_660
    /// Objects of each lane that are only updated.
    private static let steadyObjects = 4

    /// What one object is known by.
    private struct Object {
        var number: Int
        var revision: Int64
    }

    private enum Action: CaseIterable {
        case leaseUpdate, objectUpdate, objectCreate, objectDelete, eventCreate, get, leaseGrant
    }

    private let leases: Keys
    private let objects: Keys
    private let events: Keys
    private let thresholds: [(limit: Double, action: Action)]
    private var dice = Dice(seed: 7)
    private var next = 0
    private var lease: Int64 = 0
    private var steady: [Int: [Object]] = [:]
    private var coming: [Int: [Object]] = [:]
    private var current: [Int: Object] = [:]
    private let leaseValue = Values.kubernetes(bytes: MixedSource.leaseBytes)
    private let objectValue = Values.kubernetes(bytes: MixedSource.objectBytes)
    private let eventValue = Values.kubernetes(bytes: MixedSource.eventBytes)

    package init(prefix: String, _ rates: MixedProfile.Rates) {
        self.leases = Keys(prefix: prefix + "leases/kube-node-lease/", count: 1)
        self.objects = Keys(prefix: prefix + "pods/default/", count: 1)
        self.events = Keys(prefix: prefix + "events/default/", count: 1)
        var sum = 0.0
        let shares: [(Action, Double)] = [
            (.leaseUpdate, rates.leaseUpdates), (.objectUpdate, rates.objectUpdates),
            (.objectCreate, rates.objectCreates), (.objectDelete, rates.objectDeletes),
            (.eventCreate, rates.eventCreates), (.get, rates.gets),
            (.leaseGrant, rates.leaseGrants),
        ]
        self.thresholds = shares.map { action, share in
            sum += share / rates.total
            return (sum, action)
        }
    }

    package func prepare(_ call: Call) -> Bool {
        let roll = self.dice.fraction()
        let action = self.thresholds.first { roll < $0.limit }?.action ?? .get
        call.keepsMessages = true
        switch action {
        case .leaseUpdate: self.updateSteady(call, self.leases, self.leaseValue, place: 0)
        case .objectUpdate:
            let place = 1 + self.dice.below(Self.steadyObjects - 1)
            self.updateSteady(call, self.objects, self.objectValue, place: place)
        case .objectCreate: self.createObject(call)
        case .objectDelete: self.deleteObject(call)
        case .eventCreate:
            self.next += 1
            call.kind = Self.create
            call.method = .txn
            call.key = -1
            Requests.create(
                self.events.key(self.next),
                self.eventValue,
                lease: self.lease,
                into: &call.request
            )
        case .get:
            call.kind = Self.get
            call.method = .range
            var options = Requests.RangeOptions()
            options.limit = 1
            Requests.range(
                self.leases.key(call.lane * Self.steadyObjects),
                options,
                into: &call.request
            )
        case .leaseGrant:
            call.kind = Self.grant
            call.method = .leaseGrant
            Requests.leaseGrant(seconds: Self.leaseSeconds, into: &call.request)
        }
        return true
    }

    private func updateSteady(_ call: Call, _ keys: Keys, _ value: [UInt8], place: Int) {
        let objects =
            self.steady[call.lane]
            ?? (0..<Self.steadyObjects).map {
                Object(number: call.lane * Self.steadyObjects + $0, revision: 0)
            }
        let object = objects[place]
        self.steady[call.lane] = objects
        call.kind = Self.update
        call.method = .txn
        call.key = place
        let key = keys.key(object.number)
        Requests.update(key, value, at: object.revision, into: &call.request)
    }

    private func createObject(_ call: Call) {
        self.next += 1
        // Above the numbers of the objects that are only updated.
        let object = Object(number: 100_000_000 + self.next, revision: 0)
        self.current[call.lane] = object
        call.kind = Self.create
        call.method = .txn
        call.key = 0
        Requests.create(self.objects.key(object.number), self.objectValue, into: &call.request)
    }

    private func deleteObject(_ call: Call) {
        guard let object = self.coming[call.lane]?.popLast() else { return self.createObject(call) }
        call.kind = Self.delete
        call.method = .txn
        Requests.delete(self.objects.key(object.number), at: object.revision, into: &call.request)
    }

    package func received(_ message: UnsafeRawBufferPointer, _ call: Call) {
        switch call.kind {
        case Self.get: break
        case Self.grant: self.lease = Answers.lease(message)
        default: (call.succeeded, call.revision) = Answers.txn(message)
        }
    }

    package func outcome(of call: Call) -> Recorder.Outcome {
        switch call.kind {
        case Self.update:
            // A first update learns what there is.
            self.steady[call.lane]?[call.key].revision = call.revision
        case Self.create:
            if call.key == 0, call.succeeded, var object = self.current[call.lane] {
                object.revision = call.revision
                self.coming[call.lane, default: []].append(object)
            }
        case Self.get, Self.grant: return .succeeded
        default: break
        }
        return call.succeeded ? .succeeded : .conflict
    }
}
