import Controller
import Logging

/// What the controller's log says of its work.
enum ControllerLog {
    static func write(_ event: ReconcilerEvent, _ logger: Logger) {
        switch event {
        case .begins(let key, let step):
            logger.info("begins", metadata: ["tenant": "\(key)", "step": "\(step)"])
        case .did(let key, let step):
            logger.info("done", metadata: ["tenant": "\(key)", "step": "\(step)"])
        case .failed(let key, let failure):
            logger.warning(
                "failed, and will be tried again",
                metadata: ["tenant": "\(key)", "error": "\(failure)"]
            )
        case .sourceFailed(let failure):
            logger.error(
                "the declarations cannot be followed; nothing is changed",
                metadata: ["error": "\(failure)"]
            )
        case .reportFailed(let key, let failure):
            logger.warning(
                "it cannot be told how it went",
                metadata: ["tenant": "\(key)", "error": "\(failure)"]
            )
        case .serverFailed(let failure):
            logger.error(
                "the server's tenants cannot be read, which will be tried again",
                metadata: ["error": "\(failure)"]
            )
        case .pass(let result):
            logger.info(
                "looked at the declarations",
                metadata: [
                    "declarations": "\(result.declarations)", "ready": "\(result.ready)",
                    "notReady": "\(result.notReady)", "failing": "\(result.failures)",
                ]
            )
        }
    }
}
