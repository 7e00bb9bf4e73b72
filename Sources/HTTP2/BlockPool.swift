import CNGHTTP2
import Glibc

/// Memory for nghttp2, whose blocks are used again.
///
/// nghttp2 allocates seven blocks for each call, all of them small, and frees them when it is over. Here
/// those are a step on a list each. Blocks are taken by one thread, the one that takes the first; what
/// another one gives back, because it lets go of a session last, goes to the system.
///
/// Each block has a head of sixteen bytes, so that it is aligned as the system's are: its class.
///
/// Source: <https://nghttp2.org/documentation/nghttp2_session_server_new3.html>
final class BlockPool {
    /// Bytes by which classes differ; class n has blocks of n times as many.
    private static let grainBytes = 16
    /// Classes that are kept: blocks of up to half a kilobyte. Longer ones are the system's.
    private static let classCount = 33
    /// Idle blocks of a class; more are given to the system.
    private static let idleMax = 256
    private static let headBytes = 16
    /// The longest block there is; nghttp2 is told of more that there is no memory.
    private static let blockBytesMax = 1 << 30

    /// The first idle block of a class, each of which begins with the address of the next.
    private let idle: UnsafeMutablePointer<UnsafeMutableRawPointer?>
    private let idleCounts: UnsafeMutablePointer<Int>
    /// Written once, before any other thread can have a block.
    @exclusivity(unchecked) private var owner: pthread_t?

    init() {
        self.idle = .allocate(capacity: Self.classCount)
        self.idle.initialize(repeating: nil, count: Self.classCount)
        self.idleCounts = .allocate(capacity: Self.classCount)
        self.idleCounts.initialize(repeating: 0, count: Self.classCount)
    }

    deinit {
        for size in 0..<Self.classCount {
            while let block = self.idle[size] {
                self.idle[size] = block.load(as: UnsafeMutableRawPointer?.self)
                Glibc.free(block)
            }
        }
        self.idle.deallocate()
        self.idleCounts.deallocate()
    }

    /// The functions that nghttp2 calls. They must not outlive the pool.
    var functions: nghttp2_mem {
        nghttp2_mem(
            mem_user_data: Unmanaged.passUnretained(self).toOpaque(),
            malloc: { count, pool in BlockPool.of(pool)._withUnsafeGuaranteedRef { $0.take(count) }
            },
            free: { block, pool in
                BlockPool.of(pool)._withUnsafeGuaranteedRef { $0.giveBack(block) }
            },
            calloc: { count, size, pool in
                BlockPool.of(pool)._withUnsafeGuaranteedRef { $0.takeZeroed(count, size) }
            },
            realloc: { block, count, pool in
                BlockPool.of(pool)._withUnsafeGuaranteedRef { $0.resize(block, count) }
            }
        )
    }

    private static func of(_ pool: UnsafeMutableRawPointer?) -> Unmanaged<BlockPool> {
        guard let pool else { preconditionFailure("nghttp2 says whose memory it wants") }
        return Unmanaged.fromOpaque(pool)
    }

    /// - Returns: nil when the system has no memory.
    private func take(_ count: Int) -> UnsafeMutableRawPointer? {
        guard count >= 0, count <= Self.blockBytesMax else { return nil }
        let size = (count &+ Self.grainBytes &- 1) / Self.grainBytes
        if size < Self.classCount, self.isOwner, let block = self.idle[size] {
            self.idle[size] = block.load(as: UnsafeMutableRawPointer?.self)
            self.idleCounts[size] &-= 1
            block.storeBytes(of: size, as: Int.self)
            return block + Self.headBytes
        }
        let bytes = size &* Self.grainBytes &+ Self.headBytes
        guard let block = Glibc.malloc(bytes) else { return nil }
        block.storeBytes(of: size, as: Int.self)
        return block + Self.headBytes
    }

    private func giveBack(_ memory: UnsafeMutableRawPointer?) {
        guard let memory else { return }
        let block = memory - Self.headBytes
        let size = block.load(as: Int.self)
        guard size < Self.classCount, self.isOwner, self.idleCounts[size] < Self.idleMax else {
            return Glibc.free(block)
        }
        block.storeBytes(of: self.idle[size], as: UnsafeMutableRawPointer?.self)
        self.idle[size] = block
        self.idleCounts[size] &+= 1
    }

    private func takeZeroed(_ count: Int, _ size: Int) -> UnsafeMutableRawPointer? {
        let (bytes, overflow) = count.multipliedReportingOverflow(by: size)
        guard !overflow, let memory = self.take(bytes) else { return nil }
        memset(memory, 0, bytes)
        return memory
    }

    private func resize(
        _ memory: UnsafeMutableRawPointer?,
        _ count: Int
    ) -> UnsafeMutableRawPointer? {
        guard let new = self.take(count) else { return nil }
        guard let memory else { return new }
        let held = (memory - Self.headBytes).load(as: Int.self) * Self.grainBytes
        memcpy(new, memory, min(held, count))
        self.giveBack(memory)
        return new
    }

    private var isOwner: Bool {
        if let owner = self.owner { return owner == pthread_self() }
        self.owner = pthread_self()
        return true
    }
}
