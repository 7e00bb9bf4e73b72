import CLinux
import Glibc

/// An epoll: waits for any of many sockets, or for a time.
package final class Poller {
    private static let eventsMax = 512

    private let descriptor: Int32
    private let events: UnsafeMutableBufferPointer<epoll_event>

    package init() {
        self.descriptor = epoll_create1(Int32(EPOLL_CLOEXEC))
        precondition(self.descriptor >= 0, "the system can make an epoll")
        self.events = .allocate(capacity: Self.eventsMax)
    }

    deinit {
        close(self.descriptor)
        self.events.deallocate()
    }

    /// Has `link` told when its socket can be read, and when it can be written if `writes`.
    package func watch(_ link: Link, writes: Bool, isNew: Bool) {
        var event = epoll_event()
        event.events = EPOLLIN.rawValue | (writes ? EPOLLOUT.rawValue : 0)
        event.data.ptr = Unmanaged.passUnretained(link).toOpaque()
        epoll_ctl(
            self.descriptor,
            isNew ? EPOLL_CTL_ADD : EPOLL_CTL_MOD,
            link.socket.descriptor,
            &event
        )
    }

    package func forget(_ link: Link) {
        epoll_ctl(self.descriptor, EPOLL_CTL_DEL, link.socket.descriptor, nil)
    }

    /// Waits, and lets links read and write.
    /// - Parameter nanoseconds: how long at most.
    package func wait(_ nanoseconds: UInt64) {
        var time = timespec(
            tv_sec: Int(nanoseconds / Monotonic.second),
            tv_nsec: Int(nanoseconds % Monotonic.second)
        )
        let count = epoll_pwait2(
            self.descriptor,
            self.events.baseAddress,
            Int32(Self.eventsMax),
            &time,
            nil
        )
        guard count > 0 else { return }
        for event in self.events.prefix(Int(count)) {
            guard let place = event.data.ptr else { continue }
            let link = Unmanaged<Link>.fromOpaque(place).takeUnretainedValue()
            // A link that one before it closed is still held by its worker.
            if event.events & EPOLLOUT.rawValue != 0 { link.writable() }
            if event.events & ~EPOLLOUT.rawValue != 0 { link.readable() }
        }
    }
}
