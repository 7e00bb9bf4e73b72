package import Controller
import Logging

/// What became of the objects: their status, events, and the end of the finalizer.
extension KubernetesTenants {
    package func report(_ outcome: TenantOutcome) throws(SourceFailure) {
        guard self.isLeading, !self.settings.isDryRun, let known = self.objects[outcome.key] else {
            return
        }
        let object = known.object
        do throws(APIError) {
            if outcome.isRemovalDone, object.isDeleted {
                try self.setFinalizer(false, on: object)
                return
            }
            guard let tenant = try? object.declaration(defaultEndpoints: self.settings.endpoints)
            else { return }
            var status = TenantStatus(outcome, of: tenant)
            if outcome.tenant == nil { status.keepTenant(of: object) }
            try self.write(status, of: object)
        } catch {
            guard !error.isNotFound, error != .stopped else { return }
            throw .unavailable("Tenant \(object.key): \(error)")
        }
    }

    /// Writes a status if it says anything that the object does not.
    func write(_ status: TenantStatus, of object: TenantObject) throws(APIError) {
        let now = ContinuousClock.now
        if let written = self.objects[object.key]?.written, status.isSame(as: written.status),
            Self.holds(object.status, written.status)
        {
            let isUsageOld = now - written.at >= Self.usageInterval
            guard isUsageOld, status.usage != written.status.usage else { return }
        } else if object.status == status.json {
            return
        }
        let answer = try self.pool.withClient { client throws(APIError) in
            try client.applyStatus(
                .tenants,
                object.name,
                [
                    "apiVersion": .string(Resource.tenants.apiVersion),
                    "kind": .string(Resource.tenants.kind),
                    "metadata": [
                        "name": .string(object.name), "namespace": .string(object.namespace),
                        // Another object of the same name must not be told this one's.
                        "uid": .string(object.uid),
                    ],
                    "status": status.json,
                ],
                in: object.namespace
            )
        }
        if let written = TenantObject(answer) {
            self.objects.take(written: written, status: status, at: now)
        }
        self.recordEvents(object, status)
    }

    /// Whether an object's status still has what was written into it, whatever else it has.
    private static func holds(_ status: JSONValue?, _ written: TenantStatus) -> Bool {
        let there = TenantStatus.entries(in: status)
        return written.entries.allSatisfy(there.contains)
            && status?["observedGeneration"]?.integer == written.observedGeneration
    }

    /// Records an event for each condition that is another one than before.
    private func recordEvents(_ object: TenantObject, _ status: TenantStatus) {
        let before = TenantStatus.entries(in: object.status)
        let time = WallTime.now()
        for (number, entry) in status.entries.enumerated()
        where !before.contains(where: {
            ($0.type, $0.status, $0.reason) == (entry.type, entry.status, entry.reason)
        }) {
            let event = EventObject.make(
                about: object,
                entry,
                instance: self.settings.identity ?? self.settings.agent,
                time: time,
                number: number
            )
            do throws(APIError) {
                _ = try self.pool.withClient { client throws(APIError) in
                    try client.create(.events, event, in: object.namespace)
                }
            } catch {
                self.log.debug("cannot record an event of Tenant \(object.key): \(error)")
                return
            }
        }
    }
}
