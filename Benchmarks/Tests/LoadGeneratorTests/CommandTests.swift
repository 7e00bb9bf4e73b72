import LoadGenerator
import Testing

@Suite struct CommandTests {
    @Test(arguments: [
        ("a=http://127.0.0.1:2379", Endpoint.Address.tcp(host: "127.0.0.1", port: 2379), false),
        ("a=https://[::1]:2379/", .tcp(host: "::1", port: 2379), true),
        ("a=unix:///run/etcd.sock", .unix(path: "/run/etcd.sock"), false),
        ("a=unixs:etcd.sock", .unix(path: "etcd.sock"), true),
    ])
    func targetsAreRead(text: String, address: Endpoint.Address, isSecure: Bool) throws {
        let endpoint = try Endpoint(parsing: text)
        #expect(endpoint == Endpoint(name: "a", address: address, isSecure: isSecure))
    }

    @Test(arguments: [
        "http://127.0.0.1:1", "a=127.0.0.1:1", "a=ftp://b:1", "a=http://b", "=http://b:1",
    ])
    func otherTargetsAreRefused(text: String) {
        #expect(throws: Failure.self) { try Endpoint(parsing: text) }
    }

    @Test func flagsHaveTheirValuesEitherWay() throws {
        let flags = Flag.common
        let options = try Options(
            ["--rounds", "5", "--seconds=2.5", "--target=a=b", "--target", "c=d"],
            flags: flags
        )
        #expect(try options.count("rounds", 3) == 5)
        #expect(try options.decimal("seconds") == 2.5)
        #expect(options.all("target") == ["a=b", "c=d"])
        #expect(try options.count("streams", 7) == 7)
    }

    @Test(arguments: [["--no-such"], ["word"], ["--rounds"]])
    func otherFlagsAreRefused(words: [String]) {
        #expect(throws: Failure.self) { try Options(words, flags: Flag.common) }
    }

    @Test func numbersAreNumbers() throws {
        let options = try Options(["--rounds=0", "--keys=x", "--rate=0"], flags: Flag.common)
        #expect(throws: Failure.self) { try options.count("rounds", 3) }
        #expect(throws: Failure.self) { try options.keys() }
        #expect(throws: Failure.self) { try options.shape() }
    }

    @Test func tenantsHaveNumbers() {
        #expect(Tenants.replace("/t{tenant}/x{tenant}", 12) == "/t12/x12")
        #expect(Tenants.replace("/none/", 12) == "/none/")
    }

    @Test func tenantsHaveAddressesAndKeysOfTheirOwn() throws {
        let endpoint = try Endpoint(parsing: "a=http://127.0.1.{tenant}:2379").of(tenant: 7)
        #expect(endpoint.address == .tcp(host: "127.0.1.7", port: 2379))
        #expect(endpoint.name == "a")
        let unix = try Endpoint(parsing: "a=unix:/run/{tenant}.sock").of(tenant: 7)
        #expect(unix.address == .unix(path: "/run/7.sock"))
        let keys = Tenants.keys(Keys(prefix: "/{tenant}/pods/", count: 5), 12)
        #expect(keys.count == 12)
        #expect(keys[11].key(3) == Array("/11/pods/000000003".utf8))
    }

    @Test func whatIsAboutATargetHasItsName() throws {
        let options = try Options(["--pid=a=1,2", "--pid=b=3", "--data=c"], flags: Flag.common)
        let pids = try options.named("pid")
        #expect(pids.map(\.name) == ["a", "b"])
        #expect(pids.map(\.value) == ["1,2", "3"])
        #expect(throws: Failure.self) { try options.named("data") }
    }

    @Test(arguments: [
        (1_234.6, "1235"), (12.34, "12.3"), (1.234, "1.23"), (0, "0.0"), (100, "100"),
    ])
    func numbersHaveThreeDigits(value: Double, text: String) {
        #expect(Report.format(value) == text)
    }

    @Test func profilesGrow() {
        let rates = [MixedProfile.idle, .small, .medium, .large].map(\.rates.total)
        #expect(rates == rates.sorted())
        #expect(MixedProfile.eventFlood.rates.eventCreates == 500)
    }
}
