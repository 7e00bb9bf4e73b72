import ByreCore

/// One thing to do about a tenant. Each may be done again, and a crash after any leaves what the next
/// plan goes on from.
package enum Step: Hashable, Sendable {
    /// Why clients need another certificate.
    package enum IssueReason: String, Hashable, Sendable {
        case missing = "there is none"
        case unusable = "the one that is there cannot be used"
        case otherTenant = "the one that is there is another tenant's"
        case otherAuthority = "the authority is another one"
        case due = "two thirds of its life are over"
    }

    case create(NewTenant)
    case undelete
    /// All settings, and the names of those that differ.
    case update(TenantSettings, differences: [String])
    case suspend
    case resume
    case issueCertificate(IssueReason)
    case makePassword(role: String)
    /// Stores the same certificate again with what goes with it.
    case storeCredentials
    /// - Parameter passwordOf: the role that gets the stored password; nil for none.
    case setSQLReaders([String], passwordOf: String?)
    case forgetPassword
    case release
    case delete(graceSeconds: Int64)
    case removeCredentials

    /// What kind of step it is, for metrics.
    package var name: String {
        switch self {
        case .create: "create"
        case .undelete: "undelete"
        case .update: "update"
        case .suspend: "suspend"
        case .resume: "resume"
        case .issueCertificate: "issue_certificate"
        case .makePassword: "make_password"
        case .storeCredentials: "store_credentials"
        case .setSQLReaders: "set_sql_readers"
        case .forgetPassword: "forget_password"
        case .release: "release"
        case .delete: "delete"
        case .removeCredentials: "remove_credentials"
        }
    }

    /// The names of all kinds.
    package static let names = [
        "create", "undelete", "update", "suspend", "resume", "issue_certificate", "make_password",
        "store_credentials", "set_sql_readers", "forget_password", "release", "delete",
        "remove_credentials",
    ]

    /// Which condition is about the step.
    package var side: Condition.Kind {
        switch self {
        case .issueCertificate, .storeCredentials: .certificateIssued
        default: .provisioned
        }
    }
}

extension Step: CustomStringConvertible {
    /// What is done, without secrets: `create the tenant`.
    package var description: String {
        switch self {
        case .create(let tenant):
            tenant.isolation == .shared
                ? "create the tenant" : "create the tenant, in a store of its own"
        case .undelete: "take the deletion back"
        case .update(_, let differences): "set \(differences.joined(separator: ", "))"
        case .suspend: "suspend the tenant"
        case .resume: "resume the tenant"
        case .issueCertificate(let reason): "issue a certificate: \(reason.rawValue)"
        case .makePassword(let role): "make a password for the SQL reader \(role)"
        case .storeCredentials: "store the credentials again"
        case .setSQLReaders(let roles, _):
            roles.isEmpty
                ? "have no SQL readers" : "have the SQL readers \(roles.joined(separator: ", "))"
        case .forgetPassword: "forget the password of the SQL reader"
        case .release: "let the tenant go: it stays, and is nobody's"
        case .delete(let graceSeconds):
            "delete the tenant, to be erased after \(graceSeconds) s"
        case .removeCredentials: "remove the credentials"
        }
    }
}
