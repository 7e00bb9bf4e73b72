/// One flag of the command line.
package struct Flag: Sendable {
    package let name: String
    /// What stands for the value in the help; nil for a flag without one.
    package let placeholder: String?
    package let help: String

    package init(_ name: String, _ placeholder: String?, _ help: String) {
        self.name = name
        self.placeholder = placeholder
        self.help = help
    }

    /// Flags of all workloads.
    package static let common: [Flag] = [
        Flag("target", "NAME=URL", "a server; http://, https://, unix: or unixs:; may be repeated"),
        Flag("pid", "NAME=PID,...", "the processes of a target, to read what they use"),
        Flag("data", "NAME=DIR", "a target's data, to read what the disk beneath does"),
        Flag("cacert", "FILE", "check servers against these CAs (else they are not checked)"),
        Flag("cert", "FILE", "the client's certificate"),
        Flag("key", "FILE", "the client's key"),
        Flag("rounds", "N", "rounds, the targets in turn; medians are reported (3)"),
        Flag("seconds", "S", "time of each measurement (3)"),
        Flag("warmup", "S", "time before each measurement (0.5)"),
        Flag("connections", "N", "connections (1)"),
        Flag("streams", "N", "requests at once on each connection (1)"),
        Flag("threads", "N", "threads of the generator (1)"),
        Flag(
            "rate",
            "N",
            "open loop: so many requests a second; else each waits for the one before"
        ),
        Flag("arrivals", "constant|poisson", "how an open loop's requests lie (constant)"),
        Flag("prefix", "TEXT", "what keys begin with (/registry/bench/)"),
        Flag("keys", "N", "how many keys (10000)"),
        Flag("value-bytes", "N", "length of values (1024)"),
        Flag("json", "FILE", "write all rounds and medians there"),
        Flag("metric", "NAME", "a number to show; may be repeated"),
    ]
}
