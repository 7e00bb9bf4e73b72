import ByreAPI
import Glibc
import SwiftProtobuf

extension TenantCommand {
    /// Does what the command line says.
    package func run() throws(CommandFailure) {
        switch self.verb {
        case .create: try self.create()
        case .list: try self.list()
        case .show: try self.show()
        case .update: try self.update()
        case .suspend: try self.suspend()
        case .resume: try self.resume()
        case .delete: try self.delete()
        case .undelete: try self.undelete()
        case .certificate: try self.certificate()
        case .usage: try self.usage()
        case .export: try self.export()
        case .import: try self.importTenant()
        }
    }

    /// Connects to the server.
    func connect() throws(CommandFailure) -> RemoteServer {
        try self.options.connect()
    }

    static let service = "byre.v1.TenantService/"

    /// Says what has become of the tenant.
    func tell(
        _ sentence: String,
        _ value: @autoclosure () -> some Encodable
    ) throws(CommandFailure) {
        switch self.options.output {
        case .table: StandardStream.output.write(sentence + "\n")
        case .json: StandardStream.output.write(try TenantJSON.text(value()))
        }
    }

    /// Makes a request of the flags, whose contradictions were found when they were read.
    func requested<Request>(
        _ make: () throws(UsageError) -> Request
    ) throws(CommandFailure) -> Request {
        do {
            return try make()
        } catch {
            throw CommandFailure(.usage, error.message)
        }
    }

    private func create() throws(CommandFailure) {
        let request = try self.requested(self.createRequest)
        let server = try self.connect()
        let response: ByreCreateResponse = try server.call(Self.service + "Create", request)
        let name = response.tenant.name
        if self.changesSQLReaders { _ = try self.setSQLReaders(server) }
        try self.tell(
            response.created
                ? "tenant \(name) is created"
                : "tenant \(name) is there already, with these settings",
            TenantJSON.Created(
                created: response.created,
                tenant: TenantJSON.Tenant(response.tenant)
            )
        )
    }

    private func list() throws(CommandFailure) {
        let response: ByreListResponse = try self.connect().call(
            Self.service + "List",
            ByreListRequest.with {
                $0.withDeleting = self.options.withDeleting
                $0.withSqlReaders = self.options.output == .json
            }
        )
        switch self.options.output {
        case .table:
            StandardStream.output.write(TenantText.table(response.tenants, response.usage))
        case .json:
            let tenants = zip(response.tenants, response.usage).map {
                TenantJSON.Tenant($0, usage: $1)
            }
            StandardStream.output.write(
                try TenantJSON.text(TenantJSON.Tenants(tenants: Array(tenants)))
            )
        }
    }

    private func show() throws(CommandFailure) {
        let tenant = try self.get(from: try self.connect())
        switch self.options.output {
        case .table: StandardStream.output.write(TenantText.details(tenant))
        case .json:
            StandardStream.output.write(try TenantJSON.text(TenantJSON.Tenant(tenant)))
        }
    }

    /// Asks for the tenant.
    func get(from server: RemoteServer) throws(CommandFailure) -> ByreTenant {
        let response: ByreGetResponse = try server.call(
            Self.service + "Get",
            ByreGetRequest.with {
                $0.tenant = self.reference
                $0.withSqlReaders = true
            }
        )
        return response.tenant
    }

    private func usage() throws(CommandFailure) {
        guard !self.name.isEmpty else {
            try self.list()
            return
        }
        let server = try self.connect()
        var response = try self.usage(from: server)
        var rates: TenantRates?
        if self.options.interval > .zero {
            let before = response.usage.work
            self.watchRates()
            response = try self.usage(from: server)
            rates = TenantRates(from: before, to: response.usage.work)
        }
        switch self.options.output {
        case .table:
            StandardStream.output.write(TenantText.usage(response.tenant, response.usage, rates))
        case .json:
            let tenant = TenantJSON.Tenant(response.tenant, usage: response.usage, rates)
            StandardStream.output.write(try TenantJSON.text(tenant))
        }
    }

    /// Waits for as long as the rates are to be watched.
    private func watchRates() {
        let end = ContinuousClock.now + self.options.interval
        while ContinuousClock.now < end {
            let left = (end - .now).components
            let milliseconds = left.seconds * 1_000 + left.attoseconds / 1_000_000_000_000_000
            // Ends early when a signal comes.
            poll(nil, 0, CInt(clamping: milliseconds + 1))
        }
    }

    private func usage(from server: RemoteServer) throws(CommandFailure) -> ByreUsageResponse {
        try server.call(
            Self.service + "Usage",
            ByreUsageRequest.with { $0.tenant = self.reference }
        )
    }
}
