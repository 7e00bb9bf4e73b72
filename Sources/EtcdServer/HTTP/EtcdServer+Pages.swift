import ByreCore
package import Engine

extension EtcdServer {
    /// Answers `GET /health`, `/livez`, `/readyz`, their single checks, and `/version`, as etcd does.
    /// - Parameter tenant: whose alarms matter; nil for nobody's.
    /// - Returns: nil for any other path.
    /// - Source: etcd `server/etcdserver/api/etcdhttp/health.go`, `version.go`.
    package func page(
        method: String,
        path: String,
        query: String?,
        of tenant: TenantStore?
    ) -> Page? {
        let query = Query(query)
        let answer: () -> Page
        switch path {
        case "/health": answer = { self.health(query, tenant) }
        case "/version": answer = { self.versionPage }
        case "/livez": answer = { self.checks(Self.liveChecks, query, tenant) }
        case "/readyz": answer = { self.checks(self.readyChecks, query, tenant) }
        case _ where path.hasPrefix("/v3/"):
            return Self.noGateway
        default:
            guard let check = self.singleCheck(path) else { return nil }
            answer = { self.checks([check], query, tenant) }
        }
        return method == "GET" ? answer() : .methodNotAllowed("GET")
    }

    private var versionPage: Page {
        let version = self.settings.version
        let cluster = self.settings.clusterVersion
        return Page(
            contentType: "application/json",
            body: """
                {"etcdserver":"\(version)","etcdcluster":"\(cluster)","storage":"\(cluster)"}
                """
        )
    }

    /// What a gRPC gateway answers when the method behind it is not there.
    private static let noGateway = Page(
        status: 501,
        contentType: "application/json",
        body: #"{"code":12,"message":"byre: the JSON gateway is not served"}"#
    )

    private func health(_ query: Query, _ tenant: TenantStore?) -> Page {
        let excluded = query.values("exclude")
        if let failure = self.storeFailure, query.values("serializable") != ["true"] {
            return .error(503, #"{"health":"false","reason":"QGET ERROR:\#(failure)"}"#)
        }
        let alarms = tenant?.snapshot.state.alarms.sorted() ?? []
        let alarm = alarms.map(\.kind.name).first { !excluded.contains($0) }
        guard let alarm else {
            return Page(
                contentType: Page.plainText,
                body: #"{"health":"true","reason":""}"#
            )
        }
        return .error(503, #"{"health":"false","reason":"ALARM \#(alarm)"}"#)
    }

    // MARK: Checks

    /// One check of `/livez` or `/readyz`: what is wrong, or nil.
    private struct Check {
        let name: String
        let failure: @Sendable (TenantStore?) -> String?
    }

    /// A read is answered from memory, so it cannot fail while the process answers at all.
    private static let serializableRead = Check(name: "serializable_read") { _ in nil }
    private static let nonLearner = Check(name: "non_learner") { _ in nil }
    private static let dataCorruption = Check(name: "data_corruption") { tenant in
        tenant?.snapshot.state.hasAlarm(.corrupt) == true ? "alarm activated: CORRUPT" : nil
    }

    private static let liveChecks = [serializableRead]
    private var readyChecks: [Check] {
        [Self.dataCorruption, Self.serializableRead, self.linearizableRead, Self.nonLearner]
    }

    /// Fails while a shared store cannot be reached.
    private var linearizableRead: Check {
        let failure = self.storeFailure
        return Check(name: "linearizable_read") { _ in failure }
    }

    /// Why linearizable reads fail, or nil.
    private var storeFailure: String? {
        guard let shared = self.store.shared, !shared.keeper.isReached else { return nil }
        return "the store cannot be reached"
    }

    private func singleCheck(_ path: String) -> Check? {
        for (root, checks) in [("/livez/", Self.liveChecks), ("/readyz/", self.readyChecks)]
        where path.hasPrefix(root) {
            return checks.first { $0.name == path.dropFirst(root.count) }
        }
        return nil
    }

    /// Runs checks; a failure is always told in detail, success only if asked (`?verbose`).
    private func checks(_ checks: [Check], _ query: Query, _ tenant: TenantStore?) -> Page {
        let excluded = query.values("exclude")
        var lines = ""
        var isHealthy = true
        for check in checks {
            if excluded.contains(check.name) {
                lines += "[+]\(check.name) excluded: ok\n"
            } else if let failure = check.failure(tenant) {
                lines += "[-]\(check.name) failed: \(failure)\n"
                isHealthy = false
            } else {
                lines += "[+]\(check.name) ok\n"
            }
        }
        guard isHealthy else { return .error(503, lines) }
        var page = Page(
            contentType: Page.plainText,
            body: (query.has("verbose") ? lines : "") + "ok\n"
        )
        page.headers.append(Page.Header(name: "x-content-type-options", value: "nosniff"))
        return page
    }
}
