import ByreAPI
import EtcdAPI
import Glibc

extension TenantCommand {
    private static let inputName = "standard input"

    /// Creates the tenant from an archive on standard input, or from a live etcd.
    func importTenant() throws(CommandFailure) {
        let request = try self.requested(self.createRequest)
        let input = StandardStream.input
        if self.options.etcdURL == nil, isatty(input) == 1 {
            throw CommandFailure(
                .usage,
                "an archive is to come from a file: byre tenant import \(self.name) < FILE"
            )
        }
        signal(SIGPIPE, SIG_IGN)
        let server = try self.connect()
        let upload = try ArchiveUpload(
            to: server,
            as: request,
            progress: ProgressLine(isWanted: self.options.showsProgress)
        )
        if let url = self.options.etcdURL {
            // Read before the server begins: it holds nothing of a tenant whose source fails.
            let source = try self.etcdSource(url)
            try upload.begin()
            try source.send(to: upload)
        } else {
            try self.sendFile(input, to: upload)
        }
        let done = try upload.finish()
        try self.tell(
            "tenant \(done.tenant.name) is imported: \(done.keys) keys, \(done.leases) leases, "
                + "\(ByteCount(done.bytes).humanText)B",
            TenantJSON.Imported(
                keys: done.keys,
                leases: done.leases,
                bytes: done.bytes,
                tenant: TenantJSON.Tenant(done.tenant)
            )
        )
    }

    private func sendFile(
        _ descriptor: CInt,
        to upload: ArchiveUpload
    ) throws(CommandFailure) {
        var reader = ArchiveFileReader()
        var hasBegun = false
        while true {
            let piece = try RawStream.read(descriptor, of: Self.inputName)
            if piece.isEmpty { break }
            reader.append(piece)
            while let frame = try Self.checked({ () throws(ArchiveError) in try reader.next() }) {
                // What is no archive at all does not get as far as the server.
                if !hasBegun { try upload.begin() }
                hasBegun = true
                try upload.send(frame)
            }
        }
        try Self.checked { () throws(ArchiveError) in try reader.finish() }
    }

    private static func checked<Value>(
        _ body: () throws(ArchiveError) -> Value
    ) throws(CommandFailure) -> Value {
        do {
            return try body()
        } catch {
            throw CommandFailure("\(Self.inputName) \(error)")
        }
    }

    private func etcdSource(_ url: AdminURL) throws(CommandFailure) -> EtcdSource {
        let etcd = try RemoteServer(
            url,
            RemoteServer.Credentials(
                caFile: self.options.etcdCAFile,
                certificateFile: self.options.etcdCertificateFile,
                keyFile: self.options.etcdKeyFile
            ),
            hint: "is etcd running, and is --from-etcd right?"
        )
        var progress = ProgressLine(isWanted: self.options.showsProgress)
        return try EtcdSource(
            reading: etcd,
            prefix: Array(self.options.etcdPrefix.utf8),
            progress: &progress
        )
    }
}
