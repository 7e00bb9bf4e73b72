/// A target with its processes.
package struct Host: Sendable {
    package let target: Target
    package let processes: [Int32]

    /// The targets that the flags name, in their order.
    package static func all(_ options: Options, flag: String = "target") throws(Failure) -> [Host] {
        let certificates = Target.Certificates(
            authority: options.text("cacert"),
            certificate: options.text("cert"),
            key: options.text("key")
        )
        var processes: [String: [Int32]] = [:]
        for text in options.all("pid") {
            let parts = text.split(separator: "=", maxSplits: 1)
            let numbers = parts.last?.split(separator: ",").compactMap { Int32($0) } ?? []
            guard parts.count == 2, !numbers.isEmpty else {
                throw Failure("\(text): a process is NAME=PID")
            }
            processes[String(parts[0]), default: []] += numbers
        }
        var hosts: [Host] = []
        for text in options.all(flag) {
            let target = try Target(Endpoint(parsing: text), certificates)
            hosts.append(Host(target: target, processes: processes[target.name] ?? []))
        }
        guard !hosts.isEmpty else { throw Failure("--\(flag) NAME=URL is missing") }
        return hosts
    }
}
