/// What can be done with objects of Kubernetes. Belongs to one thread, and blocks.
package struct ObjectClient {
    /// What the server records as the owner of fields that this program writes.
    package static let fieldManager = "byre-controller"

    private let connection: APIConnection

    package init(_ connection: APIConnection) {
        self.connection = connection
    }

    /// Reads an object; nil when there is none.
    package func get(
        _ resource: Resource,
        _ name: String,
        in namespace: String?
    ) throws(APIError) -> JSONValue? {
        do throws(APIError) {
            return try self.connection.send(
                APIRequest("GET", resource.path(of: name, in: namespace))
            )
        } catch {
            guard error.isNotFound else { throw error }
            return nil
        }
    }

    /// Makes an object.
    /// - Throws: ``APIError/isConflict`` for a name that is taken.
    package func create(
        _ resource: Resource,
        _ object: JSONValue,
        in namespace: String?
    ) throws(APIError) -> JSONValue {
        try self.write("POST", resource.path(in: namespace), object)
    }

    /// Replaces an object, which must still have the resource version that `object` says.
    /// - Throws: ``APIError/isConflict`` when it has another one.
    package func replace(
        _ resource: Resource,
        _ name: String,
        _ object: JSONValue,
        in namespace: String?
    ) throws(APIError) -> JSONValue {
        try self.write("PUT", resource.path(of: name, in: namespace), object)
    }

    /// Changes the members of an object that `patch` names; null removes one (RFC 7396).
    package func merge(
        _ resource: Resource,
        _ name: String,
        _ patch: JSONValue,
        in namespace: String?
    ) throws(APIError) -> JSONValue {
        try self.write(
            "PATCH",
            resource.path(of: name, in: namespace),
            patch,
            as: "application/merge-patch+json"
        )
    }

    /// Makes the status of an object what `object` says, as far as this program has a say
    /// (server-side apply): members that it named before and does not name now go.
    package func applyStatus(
        _ resource: Resource,
        _ name: String,
        _ object: JSONValue,
        in namespace: String?
    ) throws(APIError) -> JSONValue {
        try self.write(
            "PATCH",
            resource.path(of: name, in: namespace, subresource: "status"),
            object,
            as: "application/apply-patch+yaml",
            query: [("force", "true")]
        )
    }

    /// Sends what this program has to say of an object, in its own name.
    private func write(
        _ method: String,
        _ path: String,
        _ body: JSONValue,
        as contentType: String? = nil,
        query: [(name: String, value: String)] = []
    ) throws(APIError) -> JSONValue {
        try self.connection.send(
            APIRequest(
                method,
                path,
                query: [("fieldManager", Self.fieldManager)] + query,
                contentType: contentType,
                body: body
            )
        )
    }

    /// Deletes an object if it is still the one that was read; nothing there is no failure.
    package func delete(
        _ resource: Resource,
        _ read: JSONValue,
        in namespace: String?
    ) throws(APIError) {
        guard let name = read["metadata"]?["name"]?.text else { return }
        var preconditions: [String: JSONValue] = [:]
        preconditions["uid"] = read["metadata"]?["uid"]
        preconditions["resourceVersion"] = read["metadata"]?["resourceVersion"]
        do throws(APIError) {
            _ = try self.connection.send(
                APIRequest(
                    "DELETE",
                    resource.path(of: name, in: namespace),
                    body: [
                        "apiVersion": "v1", "kind": "DeleteOptions",
                        "preconditions": .object(preconditions),
                    ]
                )
            )
        } catch {
            guard error.isNotFound else { throw error }
        }
    }

    /// Reads a page of a list.
    /// - Parameter continuation: where the page before ended; nil for the first one.
    package func list(
        _ resource: Resource,
        in namespace: String?,
        continuation: String? = nil
    ) throws(APIError) -> ObjectPage {
        var query = [(name: "limit", value: "\(Limits.pageObjectsMax)")]
        if let continuation { query.append((name: "continue", value: continuation)) }
        let list = try self.connection.send(
            APIRequest("GET", resource.path(in: namespace), query: query)
        )
        return try ObjectPage(list)
    }
}

/// A part of a list.
package struct ObjectPage: Hashable, Sendable {
    package var objects: [JSONValue]
    /// The moment of the whole list.
    package var resourceVersion: String
    /// Where it goes on; nil at its end.
    package var continuation: String?

    package init(objects: [JSONValue], resourceVersion: String, continuation: String? = nil) {
        self.objects = objects
        self.resourceVersion = resourceVersion
        self.continuation = continuation
    }

    init(_ list: JSONValue) throws(APIError) {
        guard let version = list["metadata"]?["resourceVersion"]?.text, !version.isEmpty else {
            throw .malformed("the answer is no list")
        }
        // A server writes no items as null, too.
        self.objects = list["items"]?.array ?? []
        self.resourceVersion = version
        let next = list["metadata"]?["continue"]?.text ?? ""
        self.continuation = next.isEmpty ? nil : next
    }
}
