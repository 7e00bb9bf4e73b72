import ByreCore
import Controller
import Testing

@Suite
struct PlanTests {
    @Test
    func whatIsAsDeclaredNeedsNothing() {
        let plan = plan(for: declared(), in: situation(present()), owner: owner, now: 0)
        #expect(plan == Plan())
    }

    @Test
    func aMissingTenantIsMadeWithAllItsSettingsAtOnce() {
        let desired = declared {
            $0.limits.bytes = 1 << 30
            $0.isSuspended = true
            $0.isolation = .dedicated
        }
        let plan = plan(for: desired, in: situation(nil), owner: owner, now: 0)
        #expect(plan.steps.map(\.name) == ["create", "suspend"])
        guard case .create(let tenant) = plan.steps.first else { return }
        #expect(tenant.settings.limits.bytes == 1 << 30)
        #expect(tenant.settings.ownership?.owner == owner)
        #expect(tenant.settings.ownership?.source == "acme")
        #expect(tenant.isolation == .dedicated)
    }

    @Test
    func whatDriftedIsSetBack() {
        let tables: [(String, (inout ActualTenant) -> Void)] = [
            ("limits", { $0.settings.limits.keys = 5 }),
            ("identities", { $0.settings.identities = [TenantIdentity(.commonName, "x")] }),
            ("auto compaction", { $0.settings.autoCompaction = .revision(retention: 5) }),
            ("ownership", { $0.settings.ownership?.deletionPolicy = .delete }),
        ]
        for (name, drift) in tables {
            let plan = plan(
                for: declared(),
                in: situation(present(drift)),
                owner: owner,
                now: 0
            )
            guard case .update(_, let differences) = plan.steps.first else {
                Issue.record("nothing is done about \(name)")
                continue
            }
            #expect(differences == [name])
            #expect(plan.steps.count == 1)
        }
    }

    @Test
    func suspensionIsLeftAloneUnlessItIsDeclared() {
        let suspended = present { $0.stage = .suspended }
        for (wanted, tenant, expected) in [
            (nil, suspended, []), (nil, present(), []), (true, present(), ["suspend"]),
            (true, suspended, []), (false, suspended, ["resume"]), (false, present(), []),
        ] as [(Bool?, ActualTenant, [String])] {
            #expect(steps(declared { $0.isSuspended = wanted }, situation(tenant)) == expected)
        }
    }

    @Test
    func aTenantThatIsNobodysIsLeftAloneUnlessItIsToBeAdopted() {
        let foreign = present { $0.settings.ownership = nil }
        #expect(steps(declared(), situation(foreign)) == [])
        #expect(reasons(declared(), situation(foreign)) == [.notOwned])
        let adopting = declared { $0.adopts = true }
        #expect(steps(adopting, situation(foreign)) == ["update"])
        let deleted = present {
            $0.settings.ownership = nil
            $0.stage = .deleting(reclaimAt: 99)
        }
        #expect(reasons(adopting, situation(deleted)) == [.notOwned])
    }

    @Test
    func anothersTenantIsNeverTouched() {
        let another = present { $0.settings.ownership?.owner = "file:/other.yaml" }
        for adopts in [false, true] {
            let desired = declared {
                $0.adopts = adopts
                $0.limits.keys = 1
                $0.credentials = CredentialRequest()
                $0.sqlReader = SQLReaderRequest(role: "r")
            }
            #expect(steps(desired, situation(another)) == [])
            #expect(reasons(desired, situation(another)) == [.ownedByAnother])
            let removed = declared {
                $0.isRemoved = true
                $0.deletionPolicy = .delete
            }
            #expect(steps(removed, situation(another)) == [])
        }
        // The same controller's, from another declaration: only by being told to.
        let moved = present { $0.settings.ownership?.source = "old" }
        #expect(reasons(declared(), situation(moved)) == [.ownedByAnother])
        #expect(steps(declared { $0.adopts = true }, situation(moved)) == ["update"])
    }

    @Test
    func whatIsGivenOnceIsAConditionAndNotAnAction() {
        let tables: [((inout DesiredTenant) -> Void, [String])] = [
            ({ $0.isolation = .dedicated }, ["update"]),
            ({ $0.prefix = Bytes("/other/".utf8) }, ["update"]),
            ({ $0.uid = "22222222-2222-4222-8222-222222222222" }, []),
        ]
        for (edit, expected) in tables {
            let desired = declared {
                edit(&$0)
                $0.limits.keys = 5
            }
            #expect(reasons(desired, situation(present())) == [.immutableFieldChanged])
            #expect(steps(desired, situation(present())) == expected)
        }
    }

    @Test
    func aDeletedTenantThatIsDeclaredIsTakenBack() {
        let deleting = present { $0.stage = .deleting(reclaimAt: 9_999) }
        #expect(steps(declared(), situation(deleting)) == ["undelete"])
        let erasing = present { $0.stage = .erasing }
        #expect(steps(declared(), situation(erasing)) == [])
        #expect(reasons(declared(), situation(erasing)) == [.nameBeingErased])
    }

    @Test
    func whatIsDeclaredNoMoreIsLetGoOrDeletedAsItSays() {
        let stored = StoredCredentials(
            credentials: Credentials(),
            isIncomplete: false,
            version: "1"
        )
        let reader = ActualSQLReader(role: "r", verifierDigest: "d")
        let deleting = present { $0.stage = .deleting(reclaimAt: 9_999) }
        typealias Row = (TenantOwnership.DeletionPolicy, ActualTenant?, [String])
        for (policy, tenant, expected) in [
            (.retain, present(), ["release"]),
            (.retain, deleting, []),
            (.retain, nil, []),
            (.delete, present(), ["set_sql_readers", "remove_credentials", "delete"]),
            (.delete, deleting, ["remove_credentials"]),
            (.delete, present { $0.stage = .erasing }, ["remove_credentials"]),
            (.delete, nil, ["remove_credentials"]),
            (.delete, present { $0.settings.ownership = nil }, []),
        ] as [Row] {
            let desired = declared {
                $0.isRemoved = true
                $0.deletionPolicy = policy
            }
            let found = steps(
                desired,
                situation(tenant) {
                    $0.stored = stored
                    $0.sqlReaders = .present([reader])
                }
            )
            #expect(found == expected)
        }
    }

    @Test
    func anSQLReadersRoleAndPasswordAreMadeAndOthersRolesStay() {
        let desired = declared { $0.sqlReader = SQLReaderRequest(role: "reads") }
        var credentials = Credentials()
        credentials.sqlLogin = Credentials.SQLLogin(role: "reads", password: "p")
        let stored = StoredCredentials(
            credentials: credentials,
            isIncomplete: false,
            version: "1"
        )
        let byHand = ActualSQLReader(role: "by_hand", verifierDigest: nil)
        let ours = ActualSQLReader(role: "reads", verifierDigest: "d")
        let old = ActualSQLReader(role: "old", verifierDigest: "e")
        typealias Row = (Bool, [ActualSQLReader], [String], [String])
        for (hasPassword, readers, expected, roles) in [
            (false, [], ["make_password", "set_sql_readers"], ["reads"]),
            (false, [byHand], ["make_password", "set_sql_readers"], ["by_hand", "reads"]),
            (true, [byHand], ["set_sql_readers"], ["by_hand", "reads"]),
            (true, [byHand, ours], [], []),
            (true, [byHand, ours, old], ["set_sql_readers"], ["by_hand", "reads"]),
            (false, [ours], ["make_password", "set_sql_readers"], ["reads"]),
            (
                true, [ActualSQLReader(role: "reads", verifierDigest: "x")],
                ["set_sql_readers"], ["reads"]
            ),
        ] as [Row] {
            let plan = plan(
                for: desired,
                in: situation(present()) {
                    $0.stored = hasPassword ? stored : nil
                    $0.passwordDigest = hasPassword ? "d" : nil
                    $0.sqlReaders = .present(readers)
                },
                owner: owner,
                now: 0
            )
            #expect(plan.steps.map(\.name) == expected)
            for case .setSQLReaders(let found, _) in plan.steps { #expect(found == roles) }
        }
        #expect(
            reasons(desired, situation(present()) { $0.sqlReaders = .impossible })
                == [.sqlReaderUnavailable]
        )
        // Not asked for any more: the role goes first, then what is known of it.
        #expect(
            steps(
                declared(),
                situation(present()) {
                    $0.stored = stored
                    $0.sqlReaders = .present([byHand, ours])
                }
            ) == ["set_sql_readers", "forget_password"]
        )
    }
}
