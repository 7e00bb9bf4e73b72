import ByreCore
import ByreTestKit
import Testing

/// Runs a ``TxnTable`` and records what it answers otherwise than the table says.
func check(
    _ table: String,
    quota: Quota = .default,
    at location: SourceLocation = #_sourceLocation
) throws {
    for mismatch in try TxnTable(table).mismatches(quota: quota) {
        Issue.record("\(mismatch)", sourceLocation: location)
    }
}
