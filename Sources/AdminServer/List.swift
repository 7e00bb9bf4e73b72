import ByreAPI
import ByreCore
import Engine
import GRPC
import SwiftProtobuf

extension AdminServer {
    /// `TenantService/List`: shows all tenants.
    /// - Complexity: O(tenants).
    func list(_ message: RawSpan, _ call: ServerCall) {
        guard let request = self.decode(message, call, as: ByreListRequest.self) else { return }
        var rows = self.store.directory.all.map { (ByreTenant($0), self.usage(of: $0)) }
        if request.withDeleting {
            rows += self.store.erasing.map { (ByreTenant($0), ByreTenantUsage()) }
            rows.sort { $0.0.name < $1.0.name }
        } else {
            rows.removeAll { $0.0.state == .deleting }
        }
        call.reply(
            FramedMessage(
                ByreListResponse.with {
                    $0.tenants = rows.map(\.0)
                    $0.usage = rows.map(\.1)
                }
            )
        )
    }
}
