import LoadGenerator
import Testing

/// Requests are, byte for byte, what a kube-apiserver 1.36 was recorded to send.
@Suite struct RequestShapeTests {
    @Test func aCreateIsAsRecorded() {
        let key = Array("/registry/ranges/servicenodeports".utf8)
        let value = hex(
            "6b3873000a150a027631120f52616e6765416c6c6f636174696f6e12210a100a0012001a0022002a0032"
                + "0038004200120b33303030302d33323736371a001a002200"
        )
        var bytes: [UInt8] = []
        Requests.create(key, value, into: &bytes)
        // The recorded one asks for the key when it is there; a create of an object does not.
        let recorded = hex(
            "0a2710021a212f72656769737472792f72616e6765732f736572766963656e6f6465706f727473300012"
                + "6912670a212f72656769737472792f72616e6765732f736572766963656e6f6465706f7274731242"
                + "6b3873000a150a027631120f52616e6765416c6c6f636174696f6e12210a100a0012001a0022002a"
                + "00320038004200120b33303030302d33323736371a001a002200"
        )
        #expect(unframed(bytes) == recorded)
    }

    @Test func aCreateWithALeaseIsAnUpdateOfRevision0WithoutElse() {
        var bytes: [UInt8] = []
        Requests.create([1], [2], lease: 300, into: &bytes)
        #expect(
            unframed(bytes)
                == hex("0a0710021a0101" + "3000" + "120b1209" + "0a0101120102" + "18ac02")
        )
    }

    @Test func anUpdateIsAsRecorded() {
        let key = Array("/registry/ranges/servicenodeports".utf8)
        let value = hex(
            "6b3873000a150a027631120f52616e6765416c6c6f636174696f6e12210a100a0012001a0022002a0032"
                + "0038004200120b33303030302d33323736371a001a002200"
        )
        var bytes: [UInt8] = []
        Requests.update(key, value, at: 1_581, into: &bytes)
        let recorded = hex(
            "0a2810021a212f72656769737472792f72616e6765732f736572766963656e6f6465706f72747330ad0c"
                + "126912670a212f72656769737472792f72616e6765732f736572766963656e6f6465706f72747312"
                + "426b3873000a150a027631120f52616e6765416c6c6f636174696f6e12210a100a0012001a002200"
                + "2a00320038004200120b33303030302d33323736371a001a0022001a250a230a212f726567697374"
                + "72792f72616e6765732f736572766963656e6f6465706f727473"
        )
        #expect(unframed(bytes) == recorded)
    }

    @Test func anUpdateWithALeaseIsAsRecorded() {
        let key = Array("/registry/masterleases/192.0.2.11".utf8)
        let value = hex(
            "6b3873000a0f0a0276311209456e64706f696e747312240a100a0012001a0022002a0032003802420012"
                + "100a0e0a0a3139322e302e322e31311a001a002200"
        )
        var bytes: [UInt8] = []
        Requests.update(key, value, at: 205, lease: 4_198_377_424_986_409_744, into: &bytes)
        let recorded = hex(
            "0a2810021a212f72656769737472792f6d61737465726c65617365732f3139322e302e322e313130cd01"
                + "1270126e0a212f72656769737472792f6d61737465726c65617365732f3139322e302e322e313112"
                + "3f6b3873000a0f0a0276311209456e64706f696e747312240a100a0012001a0022002a0032003802"
                + "420012100a0e0a0a3139322e302e322e31311a001a002200189096d6cae2c0e8a13a1a250a230a21"
                + "2f72656769737472792f6d61737465726c65617365732f3139322e302e322e3131"
        )
        #expect(unframed(bytes) == recorded)
    }

    @Test func aDeleteIsAsRecorded() {
        var bytes: [UInt8] = []
        Requests.delete(Array("/registry/namespaces/team-10".utf8), at: 1_610, into: &bytes)
        let recorded = hex(
            "0a2310021a1c2f72656769737472792f6e616d657370616365732f7465616d2d313030ca0c12201a1e0a"
                + "1c2f72656769737472792f6e616d657370616365732f7465616d2d31301a200a1e0a1c2f72656769"
                + "737472792f6e616d657370616365732f7465616d2d3130"
        )
        #expect(unframed(bytes) == recorded)
    }

    @Test(
        arguments: [
            // A page of 500 at a revision, a page of 10,000, a count, an unlimited list, a get.
            (
                "/registry/pods/", true, 500, 429, false,
                "0a0f2f72656769737472792f706f64732f120f2f72656769737472792f706f64733018f40320ad03"
            ),
            (
                "/registry/pods/", true, 10_000, 0, false,
                "0a0f2f72656769737472792f706f64732f120f2f72656769737472792f706f64733018904e"
            ),
            (
                "/registry/events/", true, 0, 0, true,
                "0a112f72656769737472792f6576656e74732f12112f72656769737472792f6576656e7473304801"
            ),
            (
                "/registry/events/", true, 0, 0, false,
                "0a112f72656769737472792f6576656e74732f12112f72656769737472792f6576656e747330"
            ),
            ("/registry/pods", false, 1, 0, false, "0a0e2f72656769737472792f706f64731801"),
        ] as [(String, Bool, Int64, Int64, Bool, String)]
    )
    func aRangeIsAsRecorded(
        key: String,
        isPrefix: Bool,
        limit: Int64,
        revision: Int64,
        isCount: Bool,
        recorded: String
    ) {
        var options = Requests.RangeOptions()
        if isPrefix { options.end = Keys.end(of: Array(key.utf8)) }
        options.limit = limit
        options.revision = revision
        options.isCountOnly = isCount
        var bytes: [UInt8] = []
        Requests.range(Array(key.utf8), options, into: &bytes)
        #expect(unframed(bytes) == hex(recorded))
    }

    @Test func aWatchIsAsRecorded() {
        var bytes: [UInt8] = []
        let key = Array("/registry/pods/".utf8)
        Requests.watch(key, end: Keys.end(of: key), from: 2, into: &bytes)
        #expect(
            unframed(bytes)
                == hex(
                    "0a280a0f2f72656769737472792f706f64732f120f2f72656769737472792f706f6473301802"
                        + "20013001"
                )
        )
        Requests.watchProgress(into: &bytes)
        #expect(unframed(bytes) == hex("1a00"))
        Requests.leaseGrant(seconds: 63, into: &bytes)
        #expect(unframed(bytes) == hex("083f"))
    }

    @Test func manyPutsAreAsLongAsTheySay() {
        var bytes: [UInt8] = []
        let keys = Keys(prefix: "/registry/x/", count: 100)
        Requests.puts((0..<100).map(keys.key), Values.kubernetes(bytes: 1_024), into: &bytes)
        #expect(unframed(bytes).count == bytes.count - 5)
    }
}

/// The message in a gRPC frame whose length is right.
func unframed(_ bytes: [UInt8]) -> [UInt8] {
    let length = bytes.dropFirst().prefix(4).reduce(0) { $0 << 8 | Int($1) }
    #expect(length == bytes.count - 5)
    return Array(bytes.dropFirst(5))
}

func hex(_ text: String) -> [UInt8] {
    let digits = Array(text.utf8).map { $0 < 58 ? $0 - 48 : $0 - 87 }
    return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
}
