/// Makes one request, and keeps what came.
package final class Once: Source {
    private let method: Method
    private let request: [UInt8]
    private var isAsked = false
    package private(set) var message: [UInt8] = []

    package init(_ method: Method, _ request: [UInt8]) {
        self.method = method
        self.request = request
    }

    package func prepare(_ call: Call) -> Bool {
        guard !self.isAsked else { return false }
        self.isAsked = true
        call.method = self.method
        call.keepsMessages = true
        call.request = self.request
        return true
    }

    package func received(_ message: UnsafeRawBufferPointer, _ call: Call) {
        self.message = [UInt8](message)
    }
}

extension Host {
    /// Asks the target one thing, over a connection of its own.
    package func ask(_ method: Method, _ request: [UInt8]) throws(Failure) -> [UInt8] {
        let once = Once(method, request)
        try LoadRun(self, LoadShape()).exhaust { _ in once }
        return once.message
    }

    /// The target's revision now.
    package func revision() throws(Failure) -> Int64 {
        var request: [UInt8] = []
        Requests.range(Array("/".utf8), into: &request)
        let message = try self.ask(.range, request)
        return message.withUnsafeBytes { Answers.range($0).revision }
    }
}
