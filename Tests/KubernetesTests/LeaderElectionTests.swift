import Kubernetes
import Testing

/// Candidates and a Lease that only one of two writers can change, on a clock that the test moves.
private struct Simulation {
    let start = ContinuousClock.now
    /// Seconds since the start, by each candidate's own clock: they may differ.
    var time = 0.0
    /// The Lease, and how often it was written.
    var lease: JSONValue?
    var version = 0
    var candidates: [LeaderElection]
    /// Whether a candidate reaches the server.
    var isCutOff: [Bool]
    let skews: [Double]

    init(_ count: Int, skews: [Double]? = nil) {
        self.candidates = (0..<count).map { LeaderElection(.init(identity: "candidate-\($0)")) }
        self.isCutOff = Array(repeating: false, count: count)
        self.skews = skews ?? Array(repeating: 0, count: count)
    }

    func now(_ candidate: Int) -> ContinuousClock.Instant {
        self.start + .seconds(self.time + self.skews[candidate])
    }

    var leaders: [Int] {
        self.candidates.indices.filter { self.candidates[$0].isLeading(at: self.now($0)) }
    }

    /// What a candidate reads, to be written later.
    mutating func read(_ candidate: Int) -> (LeaderElection.Write, read: JSONValue?, Int)? {
        guard !self.isCutOff[candidate] else { return nil }
        let observed = self.lease.map { ObservedLease($0) }
        let write = self.candidates[candidate].read(
            observed,
            at: self.now(candidate),
            time: Int64((self.time + self.skews[candidate]) * 1e6) + 1_000_000_000_000
        )
        return (write, self.lease, self.version)
    }

    /// Writes what was decided, if nobody else has written since.
    mutating func write(
        _ candidate: Int,
        _ decided: (LeaderElection.Write, read: JSONValue?, Int)?
    ) {
        guard let decided, !self.isCutOff[candidate], decided.2 == self.version else { return }
        var object: JSONValue
        switch decided.0 {
        case .nothing: return
        case .create(let record): object = record.object(name: "l", namespace: "n")
        case .replace(let record, let keepsAcquired):
            guard let read = decided.read else { return }
            object = ObservedLease(read).with(record, keepsAcquired: keepsAcquired)
        }
        self.version += 1
        var metadata = object["metadata"]?.object ?? [:]
        metadata["resourceVersion"] = .string("\(self.version)")
        object["metadata"] = .object(metadata)
        self.lease = object
        self.candidates[candidate].wrote(ObservedLease(object), began: self.now(candidate))
    }

    /// An attempt of each candidate, two seconds later.
    mutating func step() {
        self.time += 2
        for candidate in self.candidates.indices { self.write(candidate, self.read(candidate)) }
    }
}

@Suite struct LeaderElectionTests {
    @Test func theFirstOneLeadsAndGoesOn() {
        var simulation = Simulation(3)
        for _ in 0..<100 {
            simulation.step()
            #expect(simulation.leaders == [0])
        }
        #expect(simulation.lease?["spec"]?["leaseTransitions"] == 0)
        #expect(simulation.lease?["spec"]?["holderIdentity"] == "candidate-0")
    }

    @Test func aLeaderThatIsCutOffStopsBeforeAnotherBegins() {
        var simulation = Simulation(2)
        simulation.step()
        simulation.isCutOff[0] = true
        var lost: Double?
        var found: Double?
        for _ in 0..<20 where found == nil {
            // Time passes between attempts as well.
            for _ in 0..<20 {
                simulation.time += 0.1
                #expect(simulation.leaders.count <= 1)
                if simulation.leaders.isEmpty { lost = lost ?? simulation.time }
            }
            simulation.time -= 2
            simulation.step()
            #expect(simulation.leaders.count <= 1)
            if simulation.leaders == [1] { found = simulation.time }
        }
        let (ended, began) = (lost ?? .infinity, found ?? .infinity)
        #expect(ended < began)
        // Ten seconds after the last renewal; fifteen after it was last seen to change.
        #expect((11.9...12.2).contains(ended))
        #expect((16...20).contains(began))
        #expect(simulation.lease?["spec"]?["leaseTransitions"] == 1)
    }

    @Test func clocksThatDifferByHoursDoNotMatter() {
        var simulation = Simulation(3, skews: [-7_200, 0, 86_400])
        for _ in 0..<30 {
            simulation.step()
            #expect(simulation.leaders == [0])
        }
        simulation.isCutOff[0] = true
        for _ in 0..<20 {
            simulation.step()
            #expect(simulation.leaders.count <= 1)
        }
        #expect(simulation.leaders == [1])
    }

    @Test func ofTwoThatReadTheSameOnlyOneLeads() {
        var simulation = Simulation(2)
        let first = simulation.read(0)
        let second = simulation.read(1)
        simulation.write(1, second)
        simulation.write(0, first)
        #expect(simulation.leaders == [1])
    }

    @Test func aLeaseThatWasLetGoIsTakenAtOnce() throws {
        var simulation = Simulation(2)
        simulation.step()
        simulation.step()
        let released = simulation.candidates[0].release(time: 5)
        let (lease, record) = try #require(released)
        #expect(simulation.leaders.isEmpty)
        simulation.lease = lease.with(record, keepsAcquired: false)
        simulation.version += 1
        simulation.isCutOff[0] = true
        simulation.step()
        #expect(simulation.leaders == [1])
        #expect(simulation.candidates[0].leadsUntil == nil)
    }

    @Test func aLeaderWhoseLeaseAnotherHasIsNoLeaderAtOnce() {
        var simulation = Simulation(2)
        simulation.step()
        // As an administrator may do it.
        let record = LeaseRecord(
            holder: "somebody",
            durationSeconds: 15,
            acquired: 0,
            renewed: 0,
            transitions: 7
        )
        simulation.lease = record.object(name: "l", namespace: "n")
        simulation.version += 1
        simulation.step()
        #expect(simulation.leaders.isEmpty)
    }

    @Test func renewingKeepsSinceWhenItIsHeldAndWhatOthersWrote() {
        var simulation = Simulation(1)
        simulation.step()
        let acquired = simulation.lease?["spec"]?["acquireTime"]
        simulation.lease?["extra"] = "kept"
        simulation.step()
        #expect(simulation.lease?["spec"]?["acquireTime"] == acquired)
        #expect(simulation.lease?["spec"]?["renewTime"] != acquired)
        #expect(simulation.lease?["extra"] == "kept")
    }
}
