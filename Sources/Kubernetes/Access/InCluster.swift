extension ClusterAccess {
    /// Where the kubelet puts a pod's service account.
    ///
    /// Kubernetes: <https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/>
    package static let serviceAccountDirectory = "/var/run/secrets/kubernetes.io/serviceaccount"

    /// The cluster that this process runs in as a pod.
    /// - Throws: ``APIError/configuration(_:)`` when it runs elsewhere.
    package static func inCluster(
        environment: [String: String],
        directory: String = ClusterAccess.serviceAccountDirectory
    ) throws(APIError) -> ClusterAccess {
        guard let host = environment["KUBERNETES_SERVICE_HOST"], !host.isEmpty,
            let port = environment["KUBERNETES_SERVICE_PORT"].flatMap({ UInt16($0) }), port > 0
        else {
            throw .configuration(
                "this is no pod: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set; "
                    + "name a file with --kubeconfig"
            )
        }
        var access = ClusterAccess(ServerURL(isTLS: true, host: host, port: Int(port)))
        access.trust = .file(directory + "/ca.crt")
        access.token = .file(directory + "/token")
        // Read now, so that what is missing is said at the start.
        _ = try AccessFile.read(directory + "/ca.crt")
        _ = try AccessFile.text(directory + "/token")
        access.namespace = try? AccessFile.text(directory + "/namespace")
        return access
    }
}
