import TLS

/// What the flags of `byre ca` say.
package struct AuthorityOptions: FlagOptions {
    package var directory: String?
    package var authorityDirectory = "ca"
    package var commonName = "Byre CA"
    package var hosts: [String] = []
    /// 0 for what is usual: ten years for an authority, one for a server.
    package var days = 0
    package var usesRSA = false

    package init() {}

    private typealias Group = FlagTable<AuthorityOptions>.Group

    private static let out = Flag<AuthorityOptions>(
        "out",
        \.directory,
        origin: .commandLine,
        placeholder: "DIR",
        "Directory to write to, made if missing."
    )

    private static let rsa = Flag<AuthorityOptions>(
        "rsa",
        \.usesRSA,
        origin: .commandLine,
        "An RSA key instead of ECDSA P-256."
    )

    private static let days = Flag<AuthorityOptions>(
        "days",
        \.days,
        in: 0...36_500,
        origin: .commandLine,
        """
        How long it is valid; a server no longer than its authority. 0 stands for 3650 for an \
        authority, 365 for a server.
        """
    )

    /// The flags of `byre ca init`.
    static let initTable = FlagTable<AuthorityOptions>([
        Group(
            "Authority",
            [
                out,
                Flag(
                    "name",
                    \.commonName,
                    origin: .commandLine,
                    "Its common name."
                ),
                days, rsa,
            ]
        )
    ])

    /// The flags of `byre ca server`.
    static let serverTable = FlagTable<AuthorityOptions>([
        Group(
            "Certificate",
            [
                out,
                Flag(
                    "host",
                    addingTo: \.hosts,
                    origin: .commandLine,
                    placeholder: "NAME,...",
                    """
                    Names and addresses by which clients reach the server; may be given several \
                    times.
                    """
                ),
                Flag(
                    "ca",
                    \.authorityDirectory,
                    origin: .byre,
                    placeholder: "DIR",
                    "Directory of the authority that byre ca init made."
                ),
                days, rsa,
            ]
        )
    ])
}
