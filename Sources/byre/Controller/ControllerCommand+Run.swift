import Controller
import Dispatch
import Engine
import Glibc
import Kubernetes
import Logging
import TLS

extension ControllerCommand {
    /// Does what the command line says.
    package func run() throws(CommandFailure) -> ExitStatus {
        let isLasting = !self.options.once && !self.options.dryRun
        if isLasting { ControllerSignals.block() }
        signal(SIGPIPE, SIG_IGN)
        let logger = self.logger
        let statusFile = self.options.statusFile.map(StatusFile.init)
        let reconciler = try self.reconciler(logger)
        if self.options.dryRun { return try self.showPlans(reconciler) }
        if self.options.once {
            let result = reconciler.runOnce()
            statusFile?.write(reconciler.status, logger)
            return try self.showStatus(reconciler.status, result)
        }
        return try self.serve(reconciler, statusFile, logger)
    }

    private var logger: Logger {
        let format: LineLogHandler.Format =
            switch self.options.logFormat {
            case .json: .json
            case .console: .console
            }
        let handler = LineLogHandler(
            level: .info,
            format: format,
            sink: LogSink { line in StandardStream.error.write(line + "\n") }
        )
        return Logger(label: "byre.controller") { _ in handler }
    }

    // MARK: Parts

    /// Where declarations come from, and where credentials go.
    private func ends(
        _ logger: Logger
    ) throws(CommandFailure) -> (source: any TenantSource, sink: (any CredentialSink)?) {
        switch self.place {
        case .cluster(let place):
            let tenants = try place.open(self.options, logger)
            return (tenants, tenants.secrets)
        case .files(let place):
            var defaults = TenantFile.Defaults()
            defaults.endpoints = self.options.endpoints
            defaults.hasCredentials = self.options.credentialsDirectory != nil
            return (
                FileSource(place, owner: self.options.owner, defaults: defaults),
                self.options.credentialsDirectory.map { DirectorySink($0) }
            )
        }
    }

    private func reconciler(_ logger: Logger) throws(CommandFailure) -> Reconciler {
        let (source, sink) = try self.ends(logger)
        let start = ContinuousClock.now
        let options = self.options
        var settings = ReconcilerSettings(
            now: { WallClock.system.seconds() },
            monotonicNanoseconds: { (ContinuousClock.now - start).nanoseconds },
            random: { Double.random(in: 0..<1) },
            password: {
                var generator = SystemRandomNumberGenerator()
                return ScramVerifier.randomPassword(using: &generator)
            }
        )
        settings.workers = options.workers
        settings.resyncInterval = options.resyncInterval
        settings.retry.bound = options.retryMax
        return Reconciler(
            source: source,
            sink: sink,
            authorityDirectory: options.authorityDirectory,
            connect: { () throws(AdminFailure) in
                do throws(CommandFailure) {
                    return RemoteTenantAdmin(try options.connect())
                } catch {
                    throw AdminFailure(error)
                }
            },
            settings: settings,
            tell: { event in ControllerLog.write(event, logger) }
        )
    }

    // MARK: Going on

    /// Longest time that a stop waits for steps that are being done. They may be interrupted at any
    /// point.
    private static let stopSecondsMax: CUnsignedInt = 5

    private func serve(
        _ reconciler: Reconciler,
        _ statusFile: StatusFile?,
        _ logger: Logger
    ) throws(CommandFailure) -> ExitStatus {
        let wakeup = Wakeup()
        let pages = try self.options.listenURL.map { url throws(CommandFailure) in
            try ControllerPages.start(reconciler, url, logger)
        }
        logger.info("controller starts", metadata: ["owner": "\(reconciler.owner)"])
        let thread = WorkerThread(name: "byre-reconcile") {
            reconciler.run(wakeup) { statusFile?.write(reconciler.status, logger) }
        }
        while true {
            switch ControllerSignals.wait() {
            case .look:
                logger.info("looks at everything, as SIGHUP asks")
                wakeup.wake()
            case .stop(let name):
                ControllerSignals.unblock()
                alarm(Self.stopSecondsMax)
                logger.info("stopping", metadata: ["signal": "\(name)"])
                wakeup.stop()
                thread.join()
                pages?.stop()
                logger.info("stopped")
                return .success
            }
        }
    }

    // MARK: Once

    private func showPlans(_ reconciler: Reconciler) throws(CommandFailure) -> ExitStatus {
        let plans: [PlannedTenant]
        do throws(ReconcilerProblem) {
            plans = try reconciler.plans()
        } catch {
            throw Self.failure(error)
        }
        switch self.options.output {
        case .json: StandardStream.output.write(try TenantJSON.text(ControllerJSON.Plans(plans)))
        case .table: StandardStream.output.write(ControllerText.plans(plans))
        }
        return .success
    }

    private func showStatus(
        _ status: ReconcilerStatus,
        _ result: PassResult?
    ) throws(CommandFailure) -> ExitStatus {
        switch self.options.output {
        case .json: StandardStream.output.write(try TenantJSON.text(ControllerJSON.Status(status)))
        case .table: StandardStream.output.write(ControllerText.status(status))
        }
        if let problem = status.problem { throw Self.failure(problem) }
        guard let result else { return .failure }
        return result.notReady == 0 ? .success : .failure
    }

    private static func failure(_ problem: ReconcilerProblem) -> CommandFailure {
        switch problem {
        case .source(.invalid(let lines)):
            CommandFailure(.usage, lines.joined(separator: "\nbyre controller: "))
        case .source(.unavailable(let text)): CommandFailure(.unreachable, text)
        case .server(.unreachable(let text)): CommandFailure(.unreachable, text)
        case .server(.denied(let text)): CommandFailure(.denied, text)
        case .server(.conflict(let text)), .server(.refused(let text)): CommandFailure(text)
        }
    }
}
