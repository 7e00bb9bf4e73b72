/// An event of events.k8s.io about a Tenant: what `kubectl describe` shows.
///
/// Kubernetes: <https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/>
enum EventObject {
    private static let controller = "byre.io/controller"
    /// What API servers take.
    private static let noteCharactersMax = 1_000

    /// The event that one condition of a Tenant is another one now.
    static func make(
        about object: TenantObject,
        _ entry: TenantStatus.Entry,
        instance: String,
        time: Int64,
        number: Int
    ) -> JSONValue {
        [
            "apiVersion": .string(Resource.events.apiVersion),
            "kind": .string(Resource.events.kind),
            "metadata": [
                "name": .string(self.name(of: object, time, number)),
                "namespace": .string(object.namespace),
            ],
            "eventTime": .string(WallTime.text(microseconds: time)),
            "reportingController": .string(self.controller),
            "reportingInstance": .string(String(instance.prefix(128))),
            "action": "Reconcile",
            "type": .string(entry.status == "True" ? "Normal" : "Warning"),
            "reason": .string(entry.reason),
            "regarding": [
                "apiVersion": .string(Resource.tenants.apiVersion),
                "kind": .string(Resource.tenants.kind),
                "namespace": .string(object.namespace), "name": .string(object.name),
                "uid": .string(object.uid),
                "resourceVersion": .string(object.json.resourceVersion ?? ""),
            ],
            "note": .string(
                String("\(entry.type): \(entry.message)".prefix(self.noteCharactersMax))
            ),
        ]
    }

    /// A name that no other event has, as client-go makes it: the object's, and the time.
    private static func name(of object: TenantObject, _ time: Int64, _ number: Int) -> String {
        let stem = object.name.prefix(220)
        return "\(stem).\(String(time, radix: 16))\(String(number, radix: 16))"
    }
}
