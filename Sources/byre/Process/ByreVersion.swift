/// What this build calls itself.
package enum ByreVersion {
    package static let current = "0.1.0"

    #if arch(x86_64)
    private static let architecture = "amd64"
    #elseif arch(arm64)
    private static let architecture = "arm64"
    #else
    private static let architecture = "unknown"
    #endif

    /// The lines of `byre version`.
    package static func text(claiming version: ClaimedVersion) -> String {
        """
        byre \(self.current)
        etcd API \(version.server)

        """
    }

    /// The lines of `etcd --version`.
    ///
    /// Programs that start an etcd read the version off the first.
    package static func etcdText(claiming version: ClaimedVersion) -> String {
        """
        etcd Version: \(version.server)
        Git SHA: byre-\(self.current)
        Go Version: none (Byre is written in Swift)
        Go OS/Arch: linux/\(self.architecture)

        """
    }
}
