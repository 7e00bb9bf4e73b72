/// The newest versions in a leaf, in the order in which they were put: what a leaf has learned since
/// its arrays were last changed.
///
/// Whoever changes one key of a leaf that others share would copy a version and a reference for each
/// of its keys, and those references lie all over the memory. So a few versions are put here, where
/// nothing but themselves is copied, before they are put where they belong all at once.
struct RecentVersions {
    struct Element {
        let slot: Int
        let version: Version
    }

    private(set) var elements: ContiguousArray<Element> = []
    /// A bit for each slot that an element is of.
    private var slots: UInt64 = 0

    /// Most versions held: those of all keys.
    static let countMax = 16
    /// Slots that there can be versions of.
    static let slotsMax = UInt64.bitWidth

    init() {}

    var isEmpty: Bool { self.elements.isEmpty }

    var isFull: Bool { self.elements.count >= Self.countMax }

    func contains(_ slot: Int) -> Bool { self.slots &>> UInt64(slot) & 1 != 0 }

    /// The newest version of the key at `slot`, if it is here.
    /// - Complexity: O(1) when it is not, else O(`countMax`).
    func latest(at slot: Int) -> Version? {
        guard self.contains(slot) else { return nil }
        return self.elements.last { $0.slot == slot }?.version
    }

    /// How many versions of the key at `slot` are here.
    func count(at slot: Int) -> Int {
        self.contains(slot) ? self.elements.count { $0.slot == slot } : 0
    }

    /// Visits the versions of the key at `slot`, ascending, until `body` returns false.
    func forEach(at slot: Int, _ body: (Version) -> Bool) {
        guard self.contains(slot) else { return }
        for element in self.elements where element.slot == slot {
            if !body(element.version) { return }
        }
    }

    /// Adds a version that is newer than all others of its key.
    /// - Precondition: not ``isFull``, and `slot` is less than ``slotsMax``.
    mutating func append(_ version: Version, at slot: Int) {
        precondition(slot < Self.slotsMax && !self.isFull, "there is no room")
        self.elements.reserveTightly(forNew: 1)
        self.elements.append(Element(slot: slot, version: version))
        self.slots |= 1 &<< UInt64(slot)
    }
}
