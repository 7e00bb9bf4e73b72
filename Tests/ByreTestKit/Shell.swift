import Foundation

/// Scripts of `sh`, for tests that need other programs.
///
/// `Process` of Foundation waits for all that have inherited a socket of its own, so also for a
/// server that a script leaves running; this waits for the script alone.
package enum Shell {
    /// A script failed: what it said about it.
    package struct Failure: Error, CustomStringConvertible {
        package let description: String
    }

    /// Runs a script to its end.
    /// - Returns: what it wrote to its standard output.
    @discardableResult
    package static func run(
        _ script: String,
        _ environment: [String: String] = [:],
        input: String = ""
    ) throws -> String {
        // Files and no pipes, whose end would not come as long as somebody has inherited them.
        let base = "/tmp/byre-sh-\(UUID().uuidString)"
        let (standardInput, output, errors) = (base + ".in", base + ".out", base + ".err")
        defer { for path in [standardInput, output, errors] { unlink(path) } }
        try input.write(toFile: standardInput, atomically: false, encoding: .utf8)
        let process = try Self.spawn(script, environment) { actions in
            posix_spawn_file_actions_addopen(&actions, 0, standardInput, O_RDONLY, 0)
            posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT, 0o600)
            posix_spawn_file_actions_addopen(&actions, 2, errors, O_WRONLY | O_CREAT, 0o600)
        }
        var status: CInt = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
        guard status == 0 else {
            let text = (try? String(contentsOfFile: errors, encoding: .utf8)) ?? ""
            throw Failure(description: text.isEmpty ? "a script failed: \(status)" : text)
        }
        return try String(contentsOfFile: output, encoding: .utf8)
    }

    /// Runs a script in a directory to its end.
    package static func run(_ script: String, in directory: String) throws {
        try Self.run("cd '\(directory)' || exit\n\(script)")
    }

    /// Starts a script whose standard input is the descriptor `input`, and leaves it to itself.
    ///
    /// It is no child of the tests' process: nobody would wait for it, and Swift Testing does not see
    /// the end of an exit test beyond a child that nobody has waited for.
    package static func launch(
        _ script: String,
        _ environment: [String: String] = [:],
        input: CInt
    ) throws {
        let detached = "exec 3<&0\n{\n\(script)\n} <&3 3<&- &"
        let process = try Self.spawn(detached, environment) { actions in
            posix_spawn_file_actions_adddup2(&actions, input, 0)
            posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
            posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
        }
        var status: CInt = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
    }

    private static func spawn(
        _ script: String,
        _ environment: [String: String],
        _ redirect: (inout posix_spawn_file_actions_t) -> Void
    ) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        redirect(&actions)
        let all = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        let words = ["/bin/sh", "-c", script]
        let arguments = words.map { strdup($0) }
        let variables = all.map { strdup("\($0.key)=\($0.value)") }
        defer { for string in arguments + variables { free(string) } }
        var process: pid_t = 0
        let code = posix_spawn(
            &process,
            "/bin/sh",
            &actions,
            nil,
            arguments + [nil],
            variables + [nil]
        )
        guard code == 0 else { throw Failure(description: "cannot run /bin/sh: error \(code)") }
        return process
    }
}
