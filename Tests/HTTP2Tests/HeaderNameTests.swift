import HTTP2
import Testing

@Suite struct HeaderNameTests {
    private func name(_ text: String) -> HeaderName {
        Array(text.utf8).withUnsafeBytes { HeaderName($0) }
    }

    @Test(arguments: HeaderName.allCases)
    func everyNameIsFoundByItsBytes(_ name: HeaderName) {
        guard let text = name.text else { return }
        #expect(self.name("\(text)") == name)
    }

    @Test(arguments: [
        "", "x", "tee", ":pathx", "content-typo", "grpc-timeous", "token", "Te", "hasleader",
    ])
    func otherNamesAreNot(_ text: String) {
        #expect(self.name(text) == .other)
    }
}
