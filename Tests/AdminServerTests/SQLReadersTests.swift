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
        #expect(try readers.roles(of: TenantID(rawValue: 1)) == ["a", "b"])
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
private final class RecordedReaders: SQLReaders {
    private let refusal: SQLReadersError?
    private let roles = Mutex<[TenantID: Set<String>]>([:])

    init(refusal: SQLReadersError? = nil) {
        self.refusal = refusal
    }

    func roles(of tenant: TenantID) throws(SQLReadersError) -> [String] {
        self.roles.withLock { $0[tenant, default: []].sorted() }
    }

    func set(_ roles: Set<String>, of tenant: TenantID) throws(SQLReadersError) -> Bool {
        if let refusal { throw refusal }
        return self.roles.withLock { present in
            defer { present[tenant] = roles }
            return present[tenant, default: []] != roles
        }
    }
}
