import ByreCore
import Testing
import byre

@Suite struct InstanceRecordTests {
    private static let urls = ["http://a:2379"]

    @Test func anInstanceHasTheSameNumberAfterEachStart() {
        let first = InstanceRecord(name: "n", host: "h", clientURLs: Self.urls)
        #expect(first == InstanceRecord(name: "n", host: "h", clientURLs: Self.urls))
        #expect(first.id != 0)
    }

    @Test(arguments: [
        ("m", "h", ["http://a:2379"]), ("n", "i", ["http://a:2379"]), ("n", "h", ["http://b:2379"]),
    ])
    func othersHaveOtherNumbers(name: String, host: String, urls: [String]) {
        let other = InstanceRecord(name: name, host: host, clientURLs: urls)
        #expect(other.id != InstanceRecord(name: "n", host: "h", clientURLs: Self.urls).id)
    }
}
