package import ByreCore

/// What the flags of `byre tenant` say; each of its commands takes some of them.
package struct TenantOptions: AdminOptions {
    // Where the server is.
    package var admin: AdminURL?
    package var dataDirectory: String?
    package var adminCAFile: String?
    package var adminCertificateFile: String?
    package var adminKeyFile: String?

    // What is shown.
    package var output = OutputFormat.table
    package var showsProgress = false

    // What a tenant is given once.
    package var uid: String?
    package var prefix: String?
    package var isolation = TenantDefinition.Isolation.shared

    // What may be changed.
    package var bytes: LimitFlag<ByteCount>?
    package var spaceMode: TenantLimits.SpaceMode?
    package var keys: LimitFlag<Int64>?
    package var valueBytes: LimitFlag<ByteCount>?
    package var writesPerSecond: LimitFlag<Int64>?
    package var readsPerSecond: LimitFlag<Int64>?
    package var readBytesPerSecond: LimitFlag<ByteCount>?
    package var watches: LimitFlag<Int64>?
    package var leases: LimitFlag<Int64>?
    package var connections: LimitFlag<Int64>?
    package var inFlight: LimitFlag<Int64>?
    package var identities: [IdentityFlag] = []
    package var noIdentities = false
    package var autoCompactionMode = AutoCompactionMode.periodic
    package var autoCompactionRetention: String?
    package var generation: Int64 = 0
    package var sqlReaders: [String] = []
    package var noSQLReaders = false

    // list, show
    package var withDeleting = false

    // usage
    package var interval = Duration.seconds(1)

    // delete
    package var grace = Duration.seconds(24 * 3_600)
    package var now = false
    package var waits = false
    package var ignoresNotFound = false

    // certificate
    package var outputDirectory: String?
    package var authorityDirectory = "ca"
    package var days = 365
    package var usesRSA = false

    // export and import
    package var revision: Int64 = 0
    package var etcdURL: AdminURL?
    package var etcdCAFile: String?
    package var etcdCertificateFile: String?
    package var etcdKeyFile: String?
    package var etcdPrefix = ""

    package init() {}
}

/// A limit as a flag gives it: a number, or `none` for the server's default.
package enum LimitFlag<Amount: FlagValue & Hashable>: Hashable, Sendable, FlagValue {
    case none
    case amount(Amount)

    package static var placeholder: String { "\(Amount.placeholder)|none" }

    package init(flagText: String) throws(FlagValueError) {
        self = flagText == "none" ? .none : .amount(try Amount(flagText: flagText))
    }

    package var flagText: String {
        switch self {
        case .none: "none"
        case .amount(let amount): amount.flagText
        }
    }
}

/// An identity as a flag gives it: `uri-san=spiffe://example/acme`.
package struct IdentityFlag: Hashable, Sendable, FlagValue {
    package let identity: TenantIdentity

    package static var placeholder: String { "KIND=VALUE" }

    package init(flagText: String) throws(FlagValueError) {
        let parts = flagText.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let kind = TenantIdentity.Kind(rawValue: String(parts[0])),
            !parts[1].isEmpty
        else {
            let kinds = TenantIdentity.Kind.allCases.map(\.rawValue).joined(separator: ", ")
            throw FlagValueError("is not KIND=VALUE with one of the kinds \(kinds)")
        }
        self.identity = TenantIdentity(kind, String(parts[1]))
    }

    package var flagText: String { "\(self.identity.kind.rawValue)=\(self.identity.value)" }
}

extension TenantLimits.SpaceMode: FlagChoice {}
extension TenantDefinition.Isolation: FlagChoice {}
