import SwiftProtobuf
import ByreAPI
import EtcdAPI
import Foundation
import Testing

@Suite struct ArchiveFileTests {
    private static let frames: [ByreArchiveFrame] = [
        .with {
            $0.header = .with {
                $0.format = 1; $0.revision = 9; $0.keys = 2
            }
        },
        .with {
            $0.leases = .with {
                $0.leases = [
                    .with {
                        $0.id = -7; $0.ttlSeconds = 60
                    }
                ]
            }
        },
        .with { $0.keys = .with { $0.keys = [Self.key("b", at: 3), Self.key("a", at: 9)] } },
        .with {
            $0.end = .with {
                $0.leases = 1; $0.keys = 2; $0.bytes = 4
            }
        },
    ]

    private static func key(_ name: String, at revision: Int64) -> ByreArchiveKey {
        .with {
            $0.key = Data(name.utf8)
            $0.value = Data("v".utf8)
            $0.createRevision = 2
            $0.modRevision = revision
            $0.version = 4
        }
    }

    private static let file =
        ArchiveFile.magic + frames.flatMap { ArchiveFile.framed($0) }

    /// Reads a file in pieces of `size` bytes, and checks the order of its frames.
    private static func read(_ file: [UInt8], by size: Int = 7) throws -> [ByreArchiveFrame] {
        var reader = ArchiveFileReader()
        var order = ArchiveOrder()
        var frames: [ByreArchiveFrame] = []
        for start in stride(from: 0, to: file.count, by: size) {
            reader.append(file[start..<min(start + size, file.count)])
            while let frame = try reader.next() {
                try order.take(frame)
                frames.append(frame)
            }
        }
        try reader.finish()
        return frames
    }

    @Test(arguments: [1, 2, 3, 8, 9, 64, 10_000])
    func framesComeBackHoweverTheFileIsCut(size: Int) throws {
        #expect(try Self.read(Self.file, by: size) == Self.frames)
    }

    @Test func everyCutIsNoticed() {
        for count in 0..<Self.file.count {
            #expect(throws: ArchiveError.self) { try Self.read(Array(Self.file.prefix(count))) }
        }
    }

    @Test func everyChangedBitIsNoticed() {
        for index in Self.file.indices {
            for bit in 0..<8 {
                var file = Self.file
                file[index] ^= 1 << bit
                #expect(throws: ArchiveError.self) { try Self.read(file) }
            }
        }
    }

    @Test func whatFollowsTheEndIsNoticed() {
        #expect(throws: ArchiveError("goes on after its end")) { try Self.read(Self.file + [0]) }
        #expect(throws: ArchiveError("goes on after its end")) {
            try Self.read(Self.file + ArchiveFile.framed(Self.frames[0]))
        }
    }

    private struct Fault: Sendable, CustomTestStringConvertible {
        let message: String
        let frames: [ByreArchiveFrame]

        var testDescription: String { self.message }
    }

    private static let faults: [Fault] = [
        Fault(message: "has its frames in the wrong order", frames: [frames[1]]),
        Fault(message: "has its frames in the wrong order", frames: [frames[0], frames[0]]),
        Fault(
            message: "has its frames in the wrong order",
            frames: [frames[0], frames[2], frames[1]]
        ),
        Fault(
            message: "has format 2, and this program knows format 1",
            frames: [
                .with {
                    $0.header = .with {
                        $0.format = 2; $0.revision = 1
                    }
                }
            ]
        ),
        Fault(
            message: "has its keys in the wrong order",
            frames: [frames[0], .with { $0.keys.keys = [key("a", at: 4), key("b", at: 4)] }]
        ),
        Fault(
            message: "has a key with impossible revisions at 10",
            frames: [frames[0], .with { $0.keys.keys = [key("a", at: 10)] }]
        ),
        Fault(
            message: "has a lease without an id or a time to live",
            frames: [frames[0], .with { $0.leases.leases = [.with { $0.id = 1 }] }]
        ),
        Fault(
            message: "is incomplete: it ends after 0 keys and 1 leases and says 2 and 1",
            frames: [frames[0], frames[1], frames[3]]
        ),
        Fault(
            message: "holds a frame of a kind that is not known here",
            frames: [frames[0], ByreArchiveFrame()]
        ),
    ]

    @Test(arguments: faults)
    private func framesThatDoNotBelongAreRefused(fault: Fault) {
        #expect(throws: ArchiveError(fault.message)) {
            var order = ArchiveOrder()
            for frame in fault.frames { try order.take(frame) }
        }
    }
}
