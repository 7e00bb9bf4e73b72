import Files
import Glibc

/// Credentials in a directory: `NAME/` of each tenant, for its owner alone (0700), with
///
/// - `ca.crt`, `tls.crt`, `tls.key`: the authority, the certificate and its key, in PEM;
/// - `endpoint`: where clients connect, URLs separated by commas;
/// - `sql-role`, `sql-password`: a role of PostgreSQL and its password;
///
/// all of mode 0600 and written only when their content changes. `.lock` keeps writers apart, and says
/// that the files are the sink's: where some are without it, somebody else put them there, and they
/// are left alone and said to be in the way.
package struct DirectorySink: CredentialSink {
    private enum Name: String, CaseIterable {
        // The key comes before the certificate: what is left of a crash in between is told by the
        // two not belonging together.
        case key = "tls.key"
        case certificate = "tls.crt"
        case authority = "ca.crt"
        case endpoint
        case sqlRole = "sql-role"
        case sqlPassword = "sql-password"
    }

    private typealias Contents = [Name: WholeFile]

    private let directory: String

    package init(_ directory: String) {
        self.directory = directory
    }

    /// A tenant's name is a DNS label, and thus one component of a path.
    private func directory(of tenant: DesiredTenant) -> String {
        "\(self.directory)/\(tenant.credentials?.place ?? tenant.name)"
    }

    /// Refuses files that are not this sink's.
    private static func check(_ files: Contents, in directory: String) throws(SinkFailure) {
        guard let name = Name.allCases.first(where: { files[$0] != nil }) else { return }
        let path = "\(directory)/\(name.rawValue)"
        let mark = "\(directory)/\(SinkFile.lockName)"
        // Another controller that removes everything removes the mark last.
        guard try !SinkFile.isThere(mark), try SinkFile.isThere(path) else { return }
        throw .unavailable(
            "\(path) is there and not the controller's: move it away, or make \(mark) to have it "
                + "replaced"
        )
    }

    private static func read(_ directory: String) throws(SinkFailure) -> Contents {
        var files: Contents = [:]
        for name in Name.allCases {
            files[name] = try SinkFile.read("\(directory)/\(name.rawValue)")
        }
        return files
    }

    /// Another one for other contents, within this process.
    private static func version(_ files: Contents) -> String {
        guard !files.isEmpty else { return "" }
        var hasher = Hasher()
        for name in Name.allCases { hasher.combine(files[name]?.bytes) }
        return String(UInt(bitPattern: hasher.finalize()), radix: 16)
    }

    // MARK: CredentialSink

    package func read(for tenant: DesiredTenant) throws(SinkFailure) -> StoredCredentials {
        let directory = self.directory(of: tenant)
        let files = try Self.read(directory)
        do {
            try Self.check(files, in: directory)
        } catch {
            // Nothing will be done about them, so they are not in the way.
            guard tenant.isRemoved || (tenant.credentials == nil && tenant.sqlReader == nil) else {
                throw error
            }
            return StoredCredentials(
                credentials: Credentials(),
                isIncomplete: false,
                version: ""
            )
        }
        func text(_ name: Name) -> String? {
            files[name].map { String(decoding: $0.bytes, as: UTF8.self) }
        }
        var credentials = Credentials()
        if let certificate = files[.certificate], let key = files[.key] {
            credentials.keyPair = Credentials.KeyPair(
                certificate: certificate.bytes,
                key: key.bytes,
                authority: files[.authority]?.bytes ?? []
            )
        }
        if let endpoint = text(.endpoint) {
            credentials.endpoints = endpoint.split(whereSeparator: \.isNewline)
                .joined().split(separator: ",").map { String($0) }
        }
        if let role = text(.sqlRole), let password = text(.sqlPassword), !password.isEmpty {
            credentials.sqlLogin = Credentials.SQLLogin(role: role, password: password)
        }
        let hasModes =
            files.values.allSatisfy { $0.mode == SinkFile.mode }
            && (files.isEmpty
                || SinkFile.mode(ofDirectory: directory) == Directory.mode)
        let isHalf = (files[.certificate] == nil) != (files[.key] == nil)
        return StoredCredentials(
            credentials: credentials,
            isIncomplete: !hasModes || isHalf,
            version: Self.version(files)
        )
    }

    package func write(
        _ credentials: Credentials,
        for tenant: DesiredTenant,
        replacing version: String
    ) throws(SinkFailure) {
        let directory = self.directory(of: tenant)
        try SinkFile.makeDirectory(directory)
        try Self.check(try Self.read(directory), in: directory)
        try SinkFile.locked(directory) { () throws(SinkFailure) in
            let present = try Self.read(directory)
            guard Self.version(present) == version else { throw .conflict }
            if SinkFile.mode(ofDirectory: directory) != Directory.mode,
                chmod(directory, Directory.mode) != 0
            {
                throw SinkFile.failure(directory)
            }
            for name in Name.allCases {
                let path = "\(directory)/\(name.rawValue)"
                guard let bytes = Self.bytes(name, credentials) else {
                    if present[name] != nil { try SinkFile.remove(path) }
                    continue
                }
                let wanted = WholeFile(bytes: bytes, mode: SinkFile.mode)
                if present[name] != wanted { try SinkFile.write(bytes, to: path) }
            }
        }
    }

    private static func bytes(_ name: Name, _ credentials: Credentials) -> [UInt8]? {
        switch name {
        case .key: credentials.keyPair?.key
        case .certificate: credentials.keyPair?.certificate
        case .authority: credentials.keyPair?.authority
        case .endpoint:
            credentials.endpoints.isEmpty
                ? nil : [UInt8]((credentials.endpoints.joined(separator: ",") + "\n").utf8)
        case .sqlRole: credentials.sqlLogin.map { [UInt8]($0.role.utf8) }
        case .sqlPassword: credentials.sqlLogin.map { [UInt8]($0.password.utf8) }
        }
    }

    package func remove(for tenant: DesiredTenant) throws(SinkFailure) {
        let directory = self.directory(of: tenant)
        guard try SinkFile.isThere("\(directory)/\(SinkFile.lockName)") else { return }
        try SinkFile.locked(directory) { () throws(SinkFailure) in
            for name in Name.allCases {
                try SinkFile.remove("\(directory)/\(name.rawValue)")
                try SinkFile.remove("\(directory)/\(name.rawValue).tmp")
            }
            try SinkFile.remove("\(directory)/\(SinkFile.lockName)")
        }
        // What somebody else put there keeps the directory.
        guard rmdir(directory) == 0 || errno == ENOTEMPTY || errno == EEXIST || errno == ENOENT
        else { throw SinkFile.failure(directory) }
    }
}
