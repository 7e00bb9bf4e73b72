import HTTP2

/// Who is told what comes of a call. On the thread of its worker.
package protocol CallOwner: AnyObject {
    /// A whole message came; its bytes are valid in the call only. No call may be started here.
    func received(_ message: UnsafeRawBufferPointer, _ call: Call)
    /// The call is over, well or not. It may be started again.
    func ended(_ call: Call)
}

/// One call on one connection, used again and again.
package final class Call {
    package let link: Link
    /// Which of all calls of a run this is.
    package let lane: Int
    /// Which of the tenants of a run it is for.
    package let tenant: Int
    /// Not retained: whoever owns calls outlives them.
    unowned let owner: any CallOwner

    package var method = Method.range
    /// The request in its gRPC frame.
    @exclusivity(unchecked) package var request: [UInt8] = []
    /// Whether nothing follows `request`.
    package var isUnary = true
    /// Whether messages are wanted; otherwise their bytes are counted alone.
    package var keepsMessages = true

    /// When the call was to be started, and when it was: nanoseconds of ``Monotonic``.
    package var intended: UInt64 = 0
    package var started: UInt64 = 0
    /// When it ended the time before; 0 for the first.
    package var freed: UInt64 = 0
    /// gRPC's status; nil before the end, and when the call ended without one.
    package fileprivate(set) var status: Int?
    /// What the server said of a status other than 0.
    package fileprivate(set) var problem = ""
    /// Bytes of the answer, frames of gRPC included.
    package fileprivate(set) var receivedBytes = 0

    /// For the source of the call: what kind it is, which key it is about, and what came.
    package var kind = 0
    package var key = 0
    package var succeeded = false
    package var revision: Int64 = 0
    package var note: Int64 = 0

    var stream: StreamRef?
    @exclusivity(unchecked) var sent = 0
    @exclusivity(unchecked) fileprivate var deframer = Deframer()

    package init(link: Link, lane: Int, tenant: Int = 0, owner: any CallOwner) {
        self.link = link
        self.lane = lane
        self.tenant = tenant
        self.owner = owner
    }

    package var isRunning: Bool { self.stream != nil }

    func begin(_ stream: StreamRef) {
        self.stream = stream
        self.sent = 0
        self.status = nil
        self.problem = ""
        self.receivedBytes = 0
        self.deframer.reset()
    }

    func take(_ bytes: UnsafeRawBufferPointer) {
        self.receivedBytes += bytes.count
        guard self.keepsMessages else { return }
        self.deframer.feed(bytes) { self.owner.received($0, self) }
    }

    func take(_ fields: Range<Int>, of buffers: SessionBuffers) {
        for field in buffers.fields[fields] {
            switch field.name {
            case .grpcStatus:
                self.status = field.value.reduce(0) { $0 * 10 + Int($1) - 48 }
            case .grpcMessage:
                self.problem = String(decoding: field.value, as: UTF8.self)
            default: break
            }
        }
    }

    func end() {
        self.stream = nil
        self.owner.ended(self)
    }
}
