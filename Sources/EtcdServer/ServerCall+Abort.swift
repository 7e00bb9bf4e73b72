import GRPC

extension ServerCall {
    func abort(_ status: Status) { self.end(status, answering: false) }
}
