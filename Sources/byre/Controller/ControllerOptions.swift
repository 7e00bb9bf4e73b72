/// What the flags of `byre controller` say.
package struct ControllerOptions: AdminOptions {
    // Where the server is.
    package var admin: AdminURL?
    package var dataDirectory: String?
    package var adminCAFile: String?
    package var adminCertificateFile: String?
    package var adminKeyFile: String?

    // Where declarations come from.
    package var file: String?
    package var directory: String?
    package var owner: String?
    package var kubernetes = false
    package var kubeconfig: String?
    package var context: String?
    package var allowsInsecure = false
    package var namespace: String?
    package var electsLeader = false
    package var leaseNamespace: String?

    // What clients are given.
    package var credentialsDirectory: String?
    package var authorityDirectory = "ca"
    package var endpoints: [String] = []

    // How it works.
    package var once = false
    package var dryRun = false
    package var resyncInterval = Duration.seconds(60)
    package var retryMax = Duration.seconds(120)
    package var workers = 4

    // What it tells.
    package var output = OutputFormat.table
    package var statusFile: String?
    package var listenURL: ListenURL?
    package var logFormat = LogFormat.console

    package enum LogFormat: String, FlagChoice {
        case json
        case console
    }

    package init() {}
}
