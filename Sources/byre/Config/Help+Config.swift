extension Help {
    private static var configWidth: Int { 80 }

    /// Help on the configuration file: every key, indented as in the file.
    package static var config: String {
        """
        The file of byre serve --config FILE, in YAML.

          stores:
            - {name: main, url: "sqlite:///var/lib/byre/main.db"}
          listeners:
            - url: https://0.0.0.0:2379
              tls: {certificate: server.crt, key: server.key, clientCA: ca.crt}
              tenant: {from: [uriSAN, dnsSAN, commonName]}
            - {url: "http://127.0.0.1:2401", tenant: acme}
            - {url: "unix:/run/byre/acme.sock", tenant: acme, socketMode: 0660}
          admin: {url: "unix:/run/byre/admin.sock"}
          administrators:
            - {name: alice, commonName: alice}
          limits: {cacheBytes: 256Mi, connections: 20000}

        Relative paths start at the file's directory. BYTES is a number, or one with Ki,
        Mi, Gi, Ti, k, M, G or T; DURATION is as 500ms, 5s, 10m or 1h30m. A mistake is told
        with its line and column, and nothing is changed then; the exit status is 2.

        Keys:
        \(self.configLines(ConfigFile.help).joined(separator: "\n"))

        """
    }

    /// The keys of a file, indented as in the file.
    static func configLines(_ entries: [ConfigHelpEntry]) -> [String] {
        self.lines(entries, indent: 2)
    }

    private static func lines(_ entries: [ConfigHelpEntry], indent: Int) -> [String] {
        let margin = String(repeating: " ", count: indent)
        return entries.flatMap { entry in
            ["\(margin)\(entry.name): \(entry.placeholder)"]
                + wrapped(entry.help, width: self.configWidth, indent: indent + 2)
                + self.lines(entry.nested, indent: indent + 2)
        }
    }
}
