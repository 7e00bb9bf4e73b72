import GRPC
import Testing

@Suite struct MetadataTests {
    private func fields(_ pairs: [(String, String)]) -> MetadataBytes {
        var fields = MetadataBytes()
        for (name, value) in pairs {
            Array(name.utf8).withUnsafeBytes { name in
                Array(value.utf8).withUnsafeBytes { fields.append(name: name, value: $0) }
            }
        }
        return fields
    }

    @Test func valuesAreFoundByName() {
        let metadata = Metadata(
            self.fields([("token", "abc.1"), ("hasleader", "true"), ("token", "second"), ("e", "")])
        )
        #expect(metadata.value("token") == "abc.1")
        #expect(metadata.value("hasleader") == "true")
        #expect(metadata.value("e")?.isEmpty == true)
        #expect(metadata.value("toke") == nil)
        #expect(metadata.value("") == nil)
        #expect(Metadata.empty.value("token") == nil)
    }

    @Test func binaryValuesAreDecoded() {
        let metadata = Metadata(self.fields([("id-bin", "AQI"), ("bad-bin", "!")]))
        #expect(metadata.binaryValue("id-bin") == [1, 2])
        #expect(metadata.binaryValue("bad-bin") == nil)
        #expect(metadata.binaryValue("none-bin") == nil)
    }

    @Test func equalMetadataIsRecognized() {
        let metadata = Metadata(self.fields([("a", "1"), ("b", "2")]))
        #expect(metadata.matches(self.fields([("a", "1"), ("b", "2")])))
        #expect(!metadata.matches(self.fields([("a", "1"), ("b", "3")])))
        #expect(!metadata.matches(self.fields([("a", "1")])))
        #expect(!metadata.matches(self.fields([("a1", ""), ("b", "2")])))
    }
}
