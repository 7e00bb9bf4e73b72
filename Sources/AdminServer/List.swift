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
        guard request.withSqlReaders else {
            self.reply(to: request, nil, call)
            return
        }
        self.withSQLReaders(of: nil, call) { readers, call in
            self.reply(to: request, readers, call)
        }
    }

    private func reply(
        to request: ByreListRequest,
        _ readers: [TenantID: [String]]?,
        _ call: ServerCall
    ) {
        var rows = self.store.directory.all.map { tenant in
            var message = ByreTenant(tenant)
            message.setReaders(readers, of: tenant.id)
            return (message, self.usage(of: tenant))
        }
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
