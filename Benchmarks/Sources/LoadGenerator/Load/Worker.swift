import CLinux
import HTTP2
import TLS

/// What a worker's thread does beside reading and writing.
package protocol Driver: AnyObject {
    /// Starts what is due.
    /// - Returns: when it is to be called again at the latest; nil when the work is done.
    func tick(_ now: UInt64) -> UInt64?
    /// A connection can be used.
    func opened(_ link: Link)
    /// A connection ended; its calls have not been told yet.
    func dropped(_ link: Link)
}

/// One thread's connections and their event loop.
package final class Worker {
    private static let inputBytes = 256 << 10
    private static let outputBytes = 256 << 10
    /// How long a loop without anything to do waits before it asks again.
    private static let idleWait: UInt64 = 100_000_000

    /// When the event that is being acted on was read; nanoseconds.
    package internal(set) var now = Monotonic.now

    let poller = Poller()
    let buffers = SessionBuffers()
    let input: UnsafeMutableRawBufferPointer
    let output: UnsafeMutableRawBufferPointer
    let plaintext = ByteQueue(capacity: 64 << 10)
    let ciphertext = ByteQueue(capacity: 64 << 10)
    /// Links with something to write.
    var dirty: [Link] = []

    private var links: [ObjectIdentifier: Link] = [:]
    /// Closed links, held until the events of one wait have been acted on.
    private var closed: [Link] = []
    private unowned var driver: any Driver

    package init(driver: any Driver) {
        self.driver = driver
        self.input = .allocate(byteCount: Self.inputBytes, alignment: 16)
        self.output = .allocate(byteCount: Self.outputBytes, alignment: 16)
    }

    deinit {
        self.input.deallocate()
        self.output.deallocate()
    }

    /// Runs until the driver says that its work is done.
    package func run() {
        // Or the kernel wakes this thread up to 50 us after the time asked for.
        _ = byre_set_timer_slack(1)
        while true {
            self.now = Monotonic.now
            guard let next = self.driver.tick(self.now) else { break }
            self.flush()
            let now = Monotonic.now
            let pause = next > now ? min(next - now, Self.idleWait) : 0
            self.poller.wait(pause)
            self.closed.removeAll()
        }
        self.flush()
    }

    /// Closes all connections.
    package func closeAll() {
        for link in self.links.values { link.close() }
        self.closed.removeAll()
    }

    private func flush() {
        // Flushing may mark links anew, at the end of the list.
        var index = 0
        while index < self.dirty.count {
            self.dirty[index].flush()
            index += 1
        }
        self.dirty.removeAll(keepingCapacity: true)
    }

    func adopt(_ link: Link) {
        self.links[ObjectIdentifier(link)] = link
        self.poller.watch(link, writes: true, isNew: true)
    }

    func opened(_ link: Link) { self.driver.opened(link) }

    func dropped(_ link: Link) {
        self.poller.forget(link)
        if let link = self.links.removeValue(forKey: ObjectIdentifier(link)) {
            self.closed.append(link)
        }
        self.driver.dropped(link)
    }
}
