/// A target with its processes and its disk.
package struct Host: Sendable {
    package let target: Target
    package let processes: [Int32]
    /// What its data directory lies on, when that is known.
    package let disk: Disk?

    /// The targets that the flags name, in their order.
    package static func all(_ options: Options, flag: String = "target") throws(Failure) -> [Host] {
        let certificates = Target.Certificates(
            authority: options.text("cacert"),
            certificate: options.text("cert"),
            key: options.text("key")
        )
        var processes: [String: [Int32]] = [:]
        for (name, text) in try options.named("pid") {
            let numbers = text.split(separator: ",").compactMap { Int32($0) }
            guard !numbers.isEmpty else { throw Failure("\(text): a process is NAME=PID") }
            processes[name, default: []] += numbers
        }
        var disks: [String: Disk] = [:]
        for (name, folder) in try options.named("data") { disks[name] = Disk(beneath: folder) }
        var hosts: [Host] = []
        for text in options.all(flag) {
            let target = try Target(Endpoint(parsing: text), certificates)
            hosts.append(
                Host(
                    target: target,
                    processes: processes[target.name] ?? [],
                    disk: disks[target.name]
                )
            )
        }
        guard !hosts.isEmpty else { throw Failure("--\(flag) NAME=URL is missing") }
        return hosts
    }
}
