import Testing
import byre

@Suite struct StoreURLTests {
    @Test func theURLOfAFileHoldsAnAbsolutePath() throws {
        #expect(try StoreURL(flagText: "sqlite:///a/b.db") == .sqlite(path: "/a/b.db"))
        for text in ["", "a.db", "sqlite://a.db", "sqlite:///a/", "mysql:///a", "sqlite:/a"] {
            #expect(throws: FlagValueError.self, "\(text)") { try StoreURL(flagText: text) }
        }
    }

    @Test(arguments: [
        "postgresql://byre@db1:5432,db2/byre?schema=a&target_session_attrs=read-write",
        "postgres:///byre", "postgresql://", "postgresql:///?service=byre",
        "postgresql://u:p%40%2F@h/d",
    ])
    func theURLOfADatabaseIsKeptAsItIs(text: String) throws {
        let store = try StoreURL(flagText: text)
        #expect(store == .postgres(url: text))
        #expect(store.flagText == text)
    }

    @Test(arguments: [
        ("sqlite:///a", "sqlite:///a"),
        ("postgresql://u@h/d", "postgresql://u@h/d"),
        ("postgresql://h:5432/d", "postgresql://h:5432/d"),
        ("postgresql://u:pw@h:1,i:2/d?schema=s", "postgresql://u:***@h:1,i:2/d?schema=s"),
        ("postgresql://u:@h/d", "postgresql://u:@h/d"),
        ("postgresql://h/d?password=pw&schema=s", "postgresql://h/d?password=***&schema=s"),
        (
            "postgresql://u:pw@h/d?sslpassword=a&password=b",
            "postgresql://u:***@h/d?sslpassword=***&password=***"
        ),
        ("--store=postgresql://u:pw@h/d", "--store=postgresql://u:***@h/d"),
        ("postgresql://u:p@w:x/y@h/d", "postgresql://u:***@h/d"),
    ])
    func passwordsAreNotShown(text: String, shown: String) {
        #expect(URLSecrets.masked(text) == shown)
    }

    @Test(arguments: ["postgresql://u:secr/et@h/d", "postgres://u:secr@et@h/d", "pg://u:secret@h"])
    func aRefusalDoesNotTellThePassword(text: String) {
        let error = #expect(throws: FlagValueError.self) { try StoreURL(flagText: text) }
        #expect(error?.shown?.contains("secr") == false)
        #expect(error?.shown?.contains("et@") == false)
    }
}
