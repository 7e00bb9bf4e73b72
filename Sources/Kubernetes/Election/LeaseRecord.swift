/// Who leads, as a Lease of coordination.k8s.io says it.
package struct LeaseRecord: Hashable, Sendable {
    /// Empty for nobody.
    package var holder: String
    package var durationSeconds: Int64
    /// Microseconds since 1970 by the holder's clock, for people.
    package var acquired: Int64
    package var renewed: Int64
    /// How often another one became the holder.
    package var transitions: Int64

    package init(
        holder: String,
        durationSeconds: Int64,
        acquired: Int64,
        renewed: Int64,
        transitions: Int64
    ) {
        self.holder = holder
        self.durationSeconds = durationSeconds
        self.acquired = acquired
        self.renewed = renewed
        self.transitions = transitions
    }
}

/// A Lease as it was read.
package struct ObservedLease: Hashable, Sendable {
    package var object: JSONValue

    package init(_ object: JSONValue) {
        self.object = object
    }

    var holder: String { self.object["spec"]?["holderIdentity"]?.text ?? "" }
    var durationSeconds: Int64 { self.object["spec"]?["leaseDurationSeconds"]?.integer ?? 0 }
    var transitions: Int64 { self.object["spec"]?["leaseTransitions"]?.integer ?? 0 }
    /// As its holder wrote it.
    var acquired: JSONValue? { self.object["spec"]?["acquireTime"] }

    /// The object with what `record` says in place of what it said; the rest stays.
    ///
    /// - Parameter keepsAcquired: whether the time since when it is held stays as well.
    package func with(_ record: LeaseRecord, keepsAcquired: Bool) -> JSONValue {
        var object = self.object
        var spec = object["spec"]?.object ?? [:]
        for (name, value) in record.members {
            if name == "acquireTime", keepsAcquired, let acquired = self.acquired {
                spec[name] = acquired
            } else {
                spec[name] = value
            }
        }
        object["spec"] = .object(spec)
        return object
    }
}

extension LeaseRecord {
    fileprivate var members: [String: JSONValue] {
        [
            "holderIdentity": .string(self.holder),
            "leaseDurationSeconds": .integer(self.durationSeconds),
            "acquireTime": .string(WallTime.text(microseconds: self.acquired)),
            "renewTime": .string(WallTime.text(microseconds: self.renewed)),
            "leaseTransitions": .integer(self.transitions),
        ]
    }

    /// A new Lease.
    package func object(name: String, namespace: String) -> JSONValue {
        [
            "apiVersion": .string(Resource.leases.apiVersion),
            "kind": .string(Resource.leases.kind),
            "metadata": ["name": .string(name), "namespace": .string(namespace)],
            "spec": .object(self.members),
        ]
    }
}
