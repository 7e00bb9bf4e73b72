/// Options of commands that talk to a server's admin API.
package protocol AdminOptions: FlagOptions {
    var admin: AdminURL? { get set }
    var dataDirectory: String? { get set }
    var adminCAFile: String? { get set }
    var adminCertificateFile: String? { get set }
    var adminKeyFile: String? { get set }
}

extension AdminOptions {
    /// Where the server is.
    var adminURL: AdminURL {
        if let admin = self.admin { return admin }
        return self.dataDirectory.map(AdminURL.below) ?? .system
    }

    /// Connects to the server.
    func connect() throws(CommandFailure) -> RemoteServer {
        try RemoteServer(
            self.adminURL,
            RemoteServer.Credentials(
                caFile: self.adminCAFile,
                certificateFile: self.adminCertificateFile,
                keyFile: self.adminKeyFile
            ),
            hint: "is the server running, and does --admin or --data-dir name it?"
        )
    }
}

/// The flags by which commands find a server's admin API.
enum AdminFlags {
    static func group<Options: AdminOptions>(
        _ options: Options.Type
    ) -> FlagTable<Options>.Group {
        FlagTable<Options>.Group(
            "Server",
            [
                Flag(
                    "admin",
                    \.admin,
                    origin: .byre,
                    """
                    Where the server's admin API is: unix:/path, http://host:port, https://host:port. \
                    Without it, admin.sock in --data-dir, or unix:/run/byre/admin.sock.
                    """
                ),
                Flag(
                    "data-dir",
                    \.dataDirectory,
                    origin: .byre,
                    placeholder: "DIR",
                    "Directory of the server's store, to find its admin.sock."
                ),
                Flag(
                    "admin-cacert",
                    \.adminCAFile,
                    origin: .byre,
                    placeholder: "FILE",
                    "Authorities that vouch for the server at an https URL, PEM; else the system's."
                ),
                Flag(
                    "admin-cert",
                    \.adminCertificateFile,
                    origin: .byre,
                    placeholder: "FILE",
                    "The administrator's certificate, PEM, for an https URL that asks for one."
                ),
                Flag(
                    "admin-key",
                    \.adminKeyFile,
                    origin: .byre,
                    placeholder: "FILE",
                    "The certificate's private key, PEM."
                ),
            ]
        )
    }
}
