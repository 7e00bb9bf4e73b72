import ByreCore

/// What an instance tells the others after a commit.
///
/// The payload is the tenants' numbers, each with the sequence that it reached, and `r` for the
/// registry: `1:57,7:3,r`. `*` stands for more tenants than are named.
struct Notification: Equatable {

    var heard = HeardChanges()
    /// Whether tenants changed that it does not name.
    var isIncomplete = false

    init(tenants: [TenantRecord], hasRegistry: Bool, countMax: Int) {
        self.isIncomplete = tenants.count > countMax
        self.heard.hasRegistry = hasRegistry
        guard !self.isIncomplete else { return }
        for tenant in tenants { self.heard.tenants[tenant.id] = tenant.sequence }
    }

    /// Reads a payload. What it does not understand stands for changes that it does not name.
    init(payload: String) {
        for word in payload.split(separator: ",") {
            let numbers = word.split(separator: ":").map { Int64($0) }
            if word == "r" {
                self.heard.hasRegistry = true
            } else if numbers.count == 2, let id = numbers[0], let sequence = numbers[1] {
                self.heard.tenants[TenantID(rawValue: id)] = sequence
            } else {
                self.isIncomplete = true
            }
        }
    }

    var payload: String {
        var words = self.heard.tenants.sorted { $0.key < $1.key }
            .map { "\($0.key.rawValue):\($0.value)" }
        if self.isIncomplete { words.append("*") }
        if self.heard.hasRegistry { words.append("r") }
        return words.joined(separator: ",")
    }

    /// Where instances that serve a store listen.
    static func channel(of address: StoreAddress) -> String { "byre.\(address.schema)" }
}
