import ByreAPI
import Engine
import GRPC
import SwiftProtobuf

extension AdminServer {
    /// `TenantService/Usage`: tells what a tenant uses now.
    func usage(_ message: RawSpan, _ call: ServerCall) {
        guard let request = self.decode(message, call, as: ByreUsageRequest.self) else { return }
        do throws(Status) {
            let tenant = try self.findPresent(request.tenant)
            call.reply(
                FramedMessage(
                    ByreUsageResponse.with {
                        $0.tenant = ByreTenant(tenant)
                        $0.usage = self.usage(of: tenant)
                    }
                )
            )
        } catch {
            call.fail(error)
        }
    }

    /// What a tenant uses now.
    func usage(of tenant: TenantStore) -> ByreTenantUsage {
        ByreTenantUsage(tenant, now: self.store.clock.now())
    }
}
