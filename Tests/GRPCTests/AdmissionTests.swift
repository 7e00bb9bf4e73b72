import GRPC
import Testing

@Suite struct AdmissionTests {
    private static let table = ServiceTable(
        ["/etcdserverpb.KV/Range", "/etcdserverpb.KV/Put", "/a/b"].map {
            Method(path: $0, kind: .unary { _, _ in })
        }
    )

    /// Says what becomes of a request, given `:method`, `:path`, `content-type`, `grpc-timeout` and
    /// `grpc-encoding`.
    private func check(_ fields: [String?]) -> String {
        func withField<Result>(
            _ index: Int,
            _ body: (UnsafeRawBufferPointer?) -> Result
        ) -> Result {
            guard index < fields.count, let text = fields[index] else { return body(nil) }
            return Array(text.utf8).withUnsafeBytes { body($0) }
        }
        var head = RequestHead()
        let admission = withField(0) { method in
            head.httpMethod = method
            return withField(1) { path in
                head.path = path
                return withField(2) { type in
                    head.contentType = type
                    return withField(3) { timeout in
                        head.timeout = timeout
                        return withField(4) { encoding in
                            head.encoding = encoding
                            return Admission(head, Self.table)
                        }
                    }
                }
            }
        }
        switch admission {
        case .call(let entry, let timeout):
            return timeout == .max ? entry.method.path : "\(entry.method.path) \(timeout)"
        case .refusal(let refusal):
            return "\(refusal.httpStatus) \(refusal.status.code) \(refusal.status.message)"
        }
    }

    @Test(
        arguments: [
            (["POST", "/etcdserverpb.KV/Range", "application/grpc"], "/etcdserverpb.KV/Range"),
            (["POST", "/etcdserverpb.KV/Put", "application/grpc+proto"], "/etcdserverpb.KV/Put"),
            (["POST", "/a/b", "application/grpc;charset=utf-8", "5m"], "/a/b 5000000"),
            (["POST", "/a/b", "application/grpc", nil, "identity"], "/a/b"),
            (
                ["POST", "/a/b", "application/json"],
                "415 invalidArgument invalid gRPC request content-type \"application/json\""
            ),
            (
                ["POST", "/a/b", "application/grpcweb"],
                "415 invalidArgument invalid gRPC request content-type \"application/grpcweb\""
            ),
            (["POST", "/a/b"], "415 invalidArgument invalid gRPC request content-type \"\""),
            (
                ["GET", "/a/b", "application/grpc"],
                "405 internal Received a HEADERS frame with :method \"GET\" which should be POST"
            ),
            (
                ["POST", "/a/b", "application/grpc", "5x"],
                "400 internal malformed grpc-timeout: "
                    + "transport: timeout unit is not recognized: \"5x\""
            ),
            (
                ["POST", "/etcdserverpb.KV/range", "application/grpc"],
                "200 unimplemented unknown method range for service etcdserverpb.KV"
            ),
            (
                ["POST", "/etcdserverpb.Kv/Range", "application/grpc"],
                "200 unimplemented unknown service etcdserverpb.Kv"
            ),
            (
                ["POST", "/x/y/Range", "application/grpc"],
                "200 unimplemented unknown service x/y"
            ),
            (
                ["POST", "nothing", "application/grpc"],
                "200 unimplemented malformed method name: \"nothing\""
            ),
            (
                ["POST", "/a/b", "application/grpc", nil, "gzip"],
                "200 unimplemented grpc: Decompressor is not installed for grpc-encoding \"gzip\""
            ),
        ] as [([String?], String)]
    )
    func requestsAreJudged(_ fields: [String?], _ expected: String) {
        #expect(self.check(fields) == expected)
    }
}
