package import Controller
import Logging
import Synchronization

/// What the objects declare; and the finalizer, without which no tenant is made.
extension KubernetesTenants {
    package func declarations() throws(SourceFailure) -> [DesiredTenant] {
        let all: [TenantObject]
        do throws(APIError) {
            try self.identifyCluster()
            all = try self.allObjects()
        } catch {
            throw .unavailable("\(error)")
        }
        var byName: [String: DesiredTenant] = [:]
        // The first to be made has the name. Objects of the same second go by their uids.
        for object in all.sorted(by: { ($0.created, $0.uid) < ($1.created, $1.uid) }) {
            guard !object.isAbandoned else {
                self.attempt(object) { object throws(APIError) in
                    try self.setFinalizer(false, on: object)
                }
                continue
            }
            // It has nothing to wait for, and goes as soon as others let it.
            if object.isDeleted, !object.hasFinalizer { continue }
            do throws(TenantObject.Fault) {
                let tenant = try object.declaration(defaultEndpoints: self.settings.endpoints)
                if let other = byName[tenant.name] {
                    self.refuse(
                        object,
                        "NameTaken",
                        "\(other.place) has declared a tenant \(tenant.name) before"
                    )
                } else {
                    byName[tenant.name] = tenant
                }
            } catch {
                self.refuse(object, "Invalid", error.lines.joined(separator: "; "))
            }
        }
        return byName.values.sorted { $0.key < $1.key }.filter { self.isHeld($0) }
    }

    /// All objects, as they are followed, or else as they are now.
    private func allObjects() throws(APIError) -> [TenantObject] {
        guard self.wakeup.withLock({ $0 == nil }) else {
            guard let all = self.objects.all else {
                throw .unreachable(self.objects.failure ?? "Tenants were not listed yet")
            }
            return all
        }
        let listed = try self.pool.withClient { client throws(APIError) in
            var objects: [JSONValue] = []
            var continuation: String?
            repeat {
                let page = try client.list(
                    .tenants,
                    in: self.settings.namespace,
                    continuation: continuation
                )
                objects += page.objects
                continuation = page.continuation
                guard objects.count <= Limits.objectsMax else {
                    throw .tooLarge("there are more than \(Limits.objectsMax) Tenants")
                }
            } while continuation != nil
            return objects
        }
        _ = self.objects.take(.replaced(listed))
        return self.objects.all ?? []
    }

    /// Whether an object will not go before its tenant was seen to: puts the finalizer on it.
    private func isHeld(_ tenant: DesiredTenant) -> Bool {
        guard let object = self.objects[tenant.key]?.object else { return false }
        if object.hasFinalizer || self.settings.isDryRun { return true }
        guard self.isLeading else { return false }
        return self.attempt(object) { object throws(APIError) in
            try self.setFinalizer(true, on: object)
        }
    }

    /// Says in an object's status that nothing can be made of it.
    ///
    /// The finalizer of one that was deleted goes: there is no tenant of its own to see to.
    private func refuse(_ object: TenantObject, _ reason: String, _ message: String) {
        guard self.isLeading else { return }
        if object.isDeleted {
            self.attempt(object) { object throws(APIError) in
                try self.setFinalizer(false, on: object)
            }
            return
        }
        let status = TenantStatus(
            refusing: object,
            reason: reason,
            message,
            at: WallTime.now() / 1_000_000
        )
        self.attempt(object) { object throws(APIError) in
            try self.write(status, of: object)
        }
    }

    /// Does something about one object whose failure must not keep others waiting.
    /// - Returns: whether it was done.
    @discardableResult
    func attempt(
        _ object: TenantObject,
        _ body: (TenantObject) throws(APIError) -> Void
    ) -> Bool {
        guard !self.settings.isDryRun else { return false }
        do throws(APIError) {
            try body(object)
            return true
        } catch {
            // What is gone or another one by now, the watch tells of.
            if !error.isConflict, !error.isNotFound {
                self.log.warning("Tenant \(object.key): \(error)")
            }
            return false
        }
    }

    /// Puts the finalizer on an object, or takes it off; those of others stay.
    func setFinalizer(_ isWanted: Bool, on object: TenantObject) throws(APIError) {
        var object = object
        for attempt in 1...Self.finalizerAttemptsMax {
            guard object.hasFinalizer != isWanted else { return }
            do throws(APIError) {
                try self.patchFinalizer(isWanted, on: object)
                return
            } catch {
                guard error.isConflict, attempt < Self.finalizerAttemptsMax else { throw error }
            }
            // Somebody has changed it since it was seen last.
            let (name, namespace) = (object.name, object.namespace)
            let now = try self.pool.withClient { client throws(APIError) in
                try client.get(.tenants, name, in: namespace)
            }
            guard let now = now.flatMap({ TenantObject($0) }), now.uid == object.uid else { return }
            object = now
        }
    }

    private func patchFinalizer(_ isWanted: Bool, on object: TenantObject) throws(APIError) {
        var finalizers = object.finalizers.filter { $0 != TenantObject.finalizer }
        if isWanted { finalizers.append(TenantObject.finalizer) }
        // Lists are replaced whole: the resource version keeps those of others.
        let patch: JSONValue = [
            "metadata": [
                "uid": .string(object.uid),
                "resourceVersion": .string(object.json.resourceVersion ?? ""),
                "finalizers": .array(finalizers.map { .string($0) }),
            ]
        ]
        let answer = try self.pool.withClient { client throws(APIError) in
            try client.merge(.tenants, object.name, patch, in: object.namespace)
        }
        if let object = TenantObject(answer) {
            self.objects.take(written: object, status: nil, at: .now)
        }
    }
}
