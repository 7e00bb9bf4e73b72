import ByreAPI
import ByreCore
package import Engine
package import GRPC
package import Logging
package import Tenancy

/// Byre's own API over one store: `byre.v1.TenantService`, a file for each RPC.
///
/// Runs on the caller's event loop; changes are queued for the committer and answered when they are
/// durable. It does not ask who calls: see `AdminGate`.
package final class AdminServer: Sendable {
    let store: Store
    let wallClock: WallClock
    let logger: Logger
    /// The program, as archives name it: `byre 0.1.0`.
    let program: String
    /// How the clients of the listeners are told apart, administrators among them.
    let rules: [IdentityRules]
    let sqlReaderQueue = SQLReaderQueue()

    package init(
        store: Store,
        rules: [IdentityRules],
        program: String,
        logger: Logger,
        wallClock: WallClock = .system
    ) {
        self.store = store
        self.rules = rules
        self.program = program
        self.logger = logger
        self.wallClock = wallClock
    }

    /// Every RPC that is served.
    package var methods: [Method] {
        [
            self.unary("Create") { $0.create($1, $2) },
            self.unary("Get") { $0.get($1, $2) },
            self.unary("List") { $0.list($1, $2) },
            self.unary("Update") { $0.update($1, $2) },
            self.unary("SetSQLReaders") { $0.setSQLReaders($1, $2) },
            self.unary("GetSQLReaders") { $0.getSQLReaders($1, $2) },
            self.unary("Suspend") { $0.suspend($1, $2) },
            self.unary("Resume") { $0.resume($1, $2) },
            self.unary("Delete") { $0.delete($1, $2) },
            self.unary("Undelete") { $0.undelete($1, $2) },
            self.unary("Usage") { $0.usage($1, $2) },
            self.streaming("Export") { ExportHandler($0, $1) },
            self.streaming("Import") { ImportHandler($0, $1) },
        ]
    }

    private static let service = "/byre.v1.TenantService/"

    private func unary(
        _ name: String,
        _ handle: @escaping @Sendable (AdminServer, RawSpan, ServerCall) -> Void
    ) -> Method {
        Method(
            path: Self.service + name,
            kind: .unary { message, call in handle(self, message, call) }
        )
    }

    private func streaming(
        _ name: String,
        _ open: @escaping @Sendable (AdminServer, ServerCall) -> any StreamHandler
    ) -> Method {
        Method(
            path: Self.service + name,
            kind: .streaming { call in open(self, call) }
        )
    }

    /// Logs what an administrator changed.
    func log(_ what: String, _ definition: TenantDefinition, _ call: ServerCall) {
        self.logger.info(
            "tenant \(what)",
            metadata: [
                "tenant": "\(definition.name)",
                "uid": "\(definition.uid)",
                "generation": "\(definition.generation)",
                "by": "\(call.peer.tls?.commonName ?? call.peer.remoteAddress)",
            ]
        )
    }
}
