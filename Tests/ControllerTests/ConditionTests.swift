import Controller
import Testing

@Suite
struct ConditionTests {
    private func condition(_ status: Condition.Status, at time: Int64) -> Condition {
        Condition(
            .ready,
            status,
            status == .yes ? .ready : .progressing,
            "",
            lastTransition: time,
            observedGeneration: 1
        )
    }

    @Test
    func aTimeOfTransitionStaysWhileTheStatusDoes() {
        let before = [self.condition(.yes, at: 10)]
        #expect([self.condition(.yes, at: 20)].continuing(before)[.ready]?.lastTransition == 10)
        #expect([self.condition(.no, at: 20)].continuing(before)[.ready]?.lastTransition == 20)
        #expect([self.condition(.no, at: 20)].continuing([])[.ready]?.lastTransition == 20)
    }

    @Test
    func everyWordIsCamelCaseWithoutSpaces() {
        for reason in Condition.Reason.allCases {
            #expect(reason.rawValue.first?.isUppercase == true)
            #expect(reason.rawValue.allSatisfy { $0.isLetter })
        }
    }
}
