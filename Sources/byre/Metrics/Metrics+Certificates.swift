import TLS

// What is told of the files that listeners prove themselves and their clients with.
extension Metrics {
    /// Writes when certificates end, and whether new ones were refused. Looks at the files, so that
    /// they are followed though nobody connects.
    func addCertificates(to text: inout MetricsText) {
        let validities = Set(self.certificates.flatMap { $0.context(at: .now).validities })
        let samples = validities.sorted { ($0.path, $0.endSeconds) < ($1.path, $1.endSeconds) }
            .map { validity in
                (
                    labels: [("file", validity.path), ("use", Self.use(validity.role))],
                    value: Int(validity.endSeconds)
                )
            }
        text.add(
            .gauge,
            "byre_certificate_end_seconds",
            "When the first certificate of a file stops being valid, since 1970.",
            samples
        )
        text.add(
            .gauge,
            "byre_certificates_refused",
            "Listeners' sets of files that have changed and cannot be used; the last good ones are.",
            self.certificates.count(where: \.isRefusing)
        )
    }

    /// What a file's certificates are for, as the label `use` says it.
    private static func use(_ role: FileRole) -> String {
        switch role {
        case .certificate, .key: "server"
        case .trustedCA, .revocations: "clients"
        }
    }
}
