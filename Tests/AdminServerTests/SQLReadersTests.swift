import ByreAPI
import ByreCore
import GRPC
import SwiftProtobuf
import Synchronization
import Testing

@Suite struct SQLReadersTests {
    private static func request(_ roles: [String]) -> ByreSetSQLReadersRequest {
        .with {
            $0.tenant.name = "default"
            $0.roles = roles
        }
    }

    @Test func theRolesAreThoseThatWereAskedFor() throws {
        let readers = RecordedReaders()
        let admin = try AdminFixture(sqlReaders: readers)
        for isFirst in [true, false] {
            let response: ByreSetSQLReadersResponse = try admin.call(
                "SetSQLReaders",
                Self.request(["b", "a", "b"])
            )
            #expect(response.roles == ["a", "b"])
            #expect(response.changed == isFirst)
            #expect(response.tenant.name == "default")
        }
        let id = TenantID(rawValue: 1)
        #expect(try readers.roles(of: id) == [id: ["a", "b"]])
    }

    @Test func aTenantIsShownWithItsReadersToWhoAsks() throws {
        let readers = RecordedReaders()
        let admin = try AdminFixture(sqlReaders: readers)
        func get(_ asks: Bool) throws -> ByreTenant {
            let request = ByreGetRequest.with {
                $0.tenant.name = "default"
                $0.withSqlReaders = asks
            }
            let response: ByreGetResponse = try admin.call("Get", request)
            let list: ByreListResponse = try admin.call(
                "List",
                ByreListRequest.with { $0.withSqlReaders = asks }
            )
            #expect(list.tenants == [response.tenant])
            return response.tenant
        }
        #expect(try get(true).hasSqlReaders)
        #expect(try get(true).sqlReaders.roles == [])
        _ = try readers.set(["b", "a"], verifiers: [:], of: TenantID(rawValue: 1))
        #expect(try get(true).sqlReaders.roles == ["a", "b"])
        #expect(try !get(false).hasSqlReaders)
    }

    /// A tenant is shown without them when the database has no roles, or does not answer.
    @Test(arguments: [nil, RecordedReaders(refusal: .unavailable("away"))])
    func aTenantIsShownInAnyCase(readers: RecordedReaders?) throws {
        let request = ByreGetRequest.with {
            $0.tenant.name = "default"
            $0.withSqlReaders = true
        }
        let admin = try AdminFixture(sqlReaders: readers)
        let response: ByreGetResponse = try admin.call("Get", request)
        #expect(response.tenant.name == "default" && !response.tenant.hasSqlReaders)
    }

    @Test(arguments: [
        (SQLReadersError.invalid("bad"), Status(.invalidArgument, "roles: bad")),
        (.missing("no such role"), Status(.failedPrecondition, "no such role")),
        (.forbidden("taken"), Status(.failedPrecondition, "taken")),
        (.unavailable("away"), Status(.unavailable, "away")),
    ])
    func aRefusalSaysWhy(error: SQLReadersError, status: Status) throws {
        let admin = try AdminFixture(sqlReaders: RecordedReaders(refusal: error))
        #expect(admin.status("SetSQLReaders", Self.request(["a"])) == status)
    }

    @Test func passwordsAreSetForRolesThatAreAskedForAndToldByTheirDigests() throws {
        let admin = try AdminFixture(sqlReaders: RecordedReaders())
        var request = Self.request(["a", "b"])
        request.passwords = [
            .with {
                $0.role = "b"; $0.verifier = "v"
            }
        ]
        let _: ByreSetSQLReadersResponse = try admin.call("SetSQLReaders", request)
        var question = ByreGetSQLReadersRequest()
        question.tenant.name = "default"
        let response: ByreGetSQLReadersResponse = try admin.call("GetSQLReaders", question)
        #expect(response.possible)
        #expect(response.readers.map(\.role) == ["a", "b"])
        #expect(response.readers.map(\.verifierDigest) == ["", "digest of v"])
        request.roles = ["a"]
        #expect(admin.status("SetSQLReaders", request)?.code == .invalidArgument)
        let without = try AdminFixture()
        let none: ByreGetSQLReadersResponse = try without.call("GetSQLReaders", question)
        #expect(!none.possible)
    }

    @Test func aStoreWithoutRolesRefuses() throws {
        let status = try AdminFixture().status("SetSQLReaders", Self.request(["a"]))
        #expect(status?.code == .failedPrecondition)
    }

    @Test func tooManyRolesAndATenantThatIsNotThereAreRefused() throws {
        let admin = try AdminFixture(sqlReaders: RecordedReaders())
        let many = Self.request((0...64).map { "r\($0)" })
        #expect(admin.status("SetSQLReaders", many)?.code == .invalidArgument)
        var other = Self.request(["a"])
        other.tenant.name = "other"
        #expect(admin.status("SetSQLReaders", other)?.code == .notFound)
    }
}

/// Readers that are only remembered.
final class RecordedReaders: SQLReaders {
    private let refusal: SQLReadersError?
    private let roles = Mutex<[TenantID: Set<String>]>([:])
    private let verifiers = Mutex<[String: String]>([:])

    init(refusal: SQLReadersError? = nil) {
        self.refusal = refusal
    }

    func roles(of tenant: TenantID?) throws(SQLReadersError) -> [TenantID: [String]] {
        if let refusal { throw refusal }
        return self.roles.withLock { roles in
            roles.filter { tenant == nil || $0.key == tenant }.mapValues { $0.sorted() }
        }
    }

    func readers(of tenant: TenantID) throws(SQLReadersError) -> [SQLReaderRole] {
        let verifiers = self.verifiers.withLock { $0 }
        return try self.roles(of: tenant)[tenant, default: []].map { role in
            SQLReaderRole(name: role, verifierDigest: verifiers[role].map { "digest of \($0)" })
        }
    }

    func set(
        _ roles: Set<String>,
        verifiers: [String: String],
        of tenant: TenantID
    ) throws(SQLReadersError) -> Bool {
        if let refusal { throw refusal }
        self.verifiers.withLock { $0.merge(verifiers) { _, new in new } }
        return self.roles.withLock { present in
            defer { present[tenant] = roles }
            return present[tenant, default: []] != roles
        }
    }
}
