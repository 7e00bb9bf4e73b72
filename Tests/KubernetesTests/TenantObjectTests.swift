import ByreCore
import Controller
import Kubernetes
import TLS
import Testing

@Suite struct TenantObjectTests {
    private static let uid = "6f1f8f2e-0000-4000-8000-000000000001"

    private static func object(
        _ spec: String,
        name: String = "acme",
        metadata: String = ""
    ) throws -> TenantObject {
        let text = """
            {"apiVersion":"byre.io/v1alpha1","kind":"Tenant","metadata":{"name":"\(name)",
            "namespace":"prod","uid":"\(uid)","generation":3,"resourceVersion":"9"\(metadata)},
            "spec":\(spec)}
            """
        return try #require(TenantObject(try JSONValue(decoding: Array(text.utf8))))
    }

    private func declaration(_ spec: String) throws -> DesiredTenant {
        try Self.object(spec).declaration(defaultEndpoints: ["https://byre:2379"])
    }

    private func faults(_ spec: String, name: String = "acme") throws -> [String] {
        let object = try Self.object(spec, name: name)
        do {
            _ = try object.declaration(defaultEndpoints: [])
            return []
        } catch {
            return error.lines
        }
    }

    @Test func whatIsLeftOutIsTheDefault() throws {
        let tenant = try self.declaration("{}")
        #expect(tenant.key == DeclarationKey("prod/acme"))
        #expect(tenant.name == "prod-acme")
        #expect(tenant.source == "prod/acme/\(Self.uid)")
        #expect(tenant.place == "Tenant prod/acme")
        #expect(tenant.generation == 3)
        #expect(tenant.deletionPolicy == .retain)
        #expect(tenant.limits == TenantLimits())
        #expect(tenant.autoCompaction == nil)
        #expect(tenant.credentials == nil)
        #expect(!tenant.isRemoved && !tenant.adopts)
        #expect(tenant.isSuspended == nil)
    }

    @Test func everythingIsRead() throws {
        let tenant = try self.declaration(
            """
            {"name":"t1","uid":"\(Self.uid)","adopt":true,"isolation":"Dedicated","suspended":true,
            "deletionPolicy":"Delete","deletionGrace":"1h30m",
            "limits":{"bytes":"2Gi","valueBytes":1024,"readBytesPerSecond":"5M","spaceMode":"Strict",
            "keys":1,"writesPerSecond":2,"readsPerSecond":3,"watches":4,"leases":5,"connections":6,
            "inFlight":7},
            "compaction":{"periodic":"5m"},
            "identities":[{"kind":"CommonName","value":"x"},{"kind":"URI","value":"spiffe://y"}],
            "credentials":{"secretName":"s","lifetime":"48h","algorithm":"RSA",
            "clusterAPI":{"cluster":"c1"},"hyperShift":{"secretName":"h"}},
            "sqlReader":{"role":"byre_t1_reader"}}
            """
        )
        #expect(tenant.name == "t1")
        #expect(tenant.uid == Self.uid)
        #expect(tenant.adopts)
        #expect(tenant.isolation == .dedicated)
        #expect(tenant.isSuspended == true)
        #expect(tenant.deletionPolicy == .delete)
        #expect(tenant.deletionGraceSeconds == 5_400)
        #expect(tenant.limits.bytes == 2 << 30)
        #expect(tenant.limits.readBytesPerSecond == 5_000_000)
        #expect(tenant.limits.spaceMode == .strict)
        #expect(tenant.limits.inFlight == 7)
        #expect(tenant.autoCompaction == .periodic(retentionNanoseconds: 300_000_000_000))
        #expect(
            tenant.identities == [
                TenantIdentity(.commonName, "x"), TenantIdentity(.uriSAN, "spiffe://y"),
            ]
        )
        let credentials = try #require(tenant.credentials)
        #expect(credentials.place == "s")
        #expect(credentials.lifetimeSeconds == 172_800)
        #expect(credentials.key == .rsa)
        #expect(credentials.endpoints == ["https://byre:2379"])
        #expect(credentials.shapes == [.clusterAPI(cluster: "c1"), .hyperShift(secret: "h")])
        #expect(tenant.sqlReader?.role == "byre_t1_reader")
    }

    @Test(arguments: [
        (#"{"name":"A"}"#, ["spec.name: must be a DNS label: a-z, 0-9 and -, no - at either end"]),
        (#"{"name":1}"#, ["spec.name: must be a text that is not empty"]),
        (#"{"adopt":true}"#, ["spec.adopt: needs spec.uid, the tenant's"]),
        (
            #"{"limits":{"bytes":"8 GB","keys":-1}}"#,
            [
                "spec.limits.bytes: must be a number of bytes, as 8Gi",
                "spec.limits.keys: must be a number that is not negative",
            ]
        ),
        (#"{"limits":{"bytes":0}}"#, ["spec.limits.bytes: must be at least 1"]),
        (#"{"compaction":{}}"#, ["spec.compaction: must have one of periodic and revisions"]),
        (
            #"{"compaction":{"periodic":"5m","revisions":1}}"#,
            ["spec.compaction: must have one of periodic and revisions"]
        ),
        (#"{"isolation":"shared"}"#, ["spec.isolation: must be one of Dedicated, Shared"]),
        (#"{"deletionGrace":"1d"}"#, ["spec.deletionGrace: must be a time, as 24h or 1h30m"]),
        (#"{"identities":[{"kind":"DNS"}]}"#, ["spec.identities[0]: must have kind and value"]),
        (
            #"{"credentials":{"lifetime":"2s"}}"#,
            ["spec.credentials.lifetime: must be at least 3s"]
        ),
        (#"{"suspended":"no"}"#, ["spec.suspended: must be true or false"]),
    ])
    func aFieldThatIsWrongIsNamed(spec: String, lines: [String]) throws {
        let found = try self.faults(spec)
        #expect(found.prefix(lines.count).elementsEqual(lines))
    }

    @Test func anSQLReadersRoleIsTheTenantsOwn() throws {
        #expect(try self.declaration(#"{"sqlReader":{}}"#).sqlReader?.role == "byre_prod-acme")
        for role in ["byre_t1", "byre_t1_a", "byre_t1_a_b"] {
            let spec = #"{"name":"t1","sqlReader":{"role":"\#(role)"}}"#
            #expect(try self.declaration(spec).sqlReader?.role == role)
        }
        let long = "byre_t1_" + String(repeating: "a", count: 56)
        for role in ["postgres", "byre", "byre_t2", "byre_t10", "byre_t1-a", "byre_T1", "", long] {
            let spec = #"{"name":"t1","sqlReader":{"role":"\#(role)"}}"#
            #expect(try self.faults(spec).contains { $0.hasPrefix("spec.sqlReader.role: must be") })
        }
        let name = String(repeating: "a", count: 59)
        #expect(try !self.faults(#"{"name":"\#(name)","sqlReader":{}}"#).isEmpty)
    }

    @Test func aNameThatWouldBeTooLongMustBeGiven() throws {
        let long = String(repeating: "a", count: 60)
        #expect(try self.faults("{}", name: long).first?.contains("must be given") == true)
        #expect(try self.faults(#"{"name":"short"}"#, name: long).isEmpty)
    }

    @Test func anObjectThatWasDeletedIsReadAsFarAsItCanBe() throws {
        let object = try Self.object(
            #"{"name":"t","deletionPolicy":"Delete","limits":{"bytes":"x"}}"#,
            metadata:
                #","deletionTimestamp":"2026-11-23T13:04:05Z","finalizers":["byre.io/tenant"]"#
        )
        let tenant = try object.declaration(defaultEndpoints: [])
        #expect(tenant.isRemoved)
        #expect(tenant.deletionPolicy == .delete)
        #expect(object.hasFinalizer)
    }

    @Test func onlyWhatIsAskedForTellsStatesApart() throws {
        let before = try Self.object("{}")
        let status = try Self.object("{}", metadata: #","labels":{"a":"b"}"#)
        #expect(before.asksForTheSame(as: status))
        let deleted = try Self.object("{}", metadata: #","deletionTimestamp":"x""#)
        #expect(!before.asksForTheSame(as: deleted))
    }

    @Test func anAnnotationLetsADeletedObjectGo() throws {
        let annotation = #","annotations":{"byre.io/abandon":"true"}"#
        #expect(try !Self.object("{}", metadata: annotation).isAbandoned)
        let deleted = annotation + #","deletionTimestamp":"x""#
        #expect(try Self.object("{}", metadata: deleted).isAbandoned)
    }

    @Test func whatIsNoObjectIsPassedOver() {
        #expect(TenantObject([:]) == nil)
        #expect(TenantObject(["metadata": ["name": "a"]]) == nil)
    }

    @Test(
        arguments: [
            ("1", 1), ("1k", 1_000), ("1Ki", 1_024), ("3Ti", 3 << 40), ("", nil), ("Ki", nil),
            ("-1", nil), ("+1", nil), ("1.5Gi", nil), ("1e3", nil), ("9223372036854775807", .max),
            ("9223372036854775808", nil), ("9007199254740992Ki", nil), ("1ki", nil), ("1 Ki", nil),
        ] as [(String, Int64?)]
    )
    func bytesAreQuantities(text: String, expected: Int64?) {
        #expect(Quantity.bytes(text) == expected)
    }

    @Test(
        arguments: [
            ("0s", 0), ("24h", 86_400), ("1h30m10s", 5_410), ("", nil), ("5", nil), ("h", nil),
            ("1d", nil), ("-1h", nil), ("1.5h", nil), ("99999999999999999999h", nil),
            ("31536000000s", 31_536_000_000), ("31536000001s", nil), ("٣h", nil),
        ] as [(String, Int64?)]
    )
    func timesAreGos(text: String, expected: Int64?) {
        #expect(Quantity.seconds(text) == expected)
    }
}
