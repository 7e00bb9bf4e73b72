/// The etcd version that the server claims to be, which clients choose features by.
package struct ClaimedVersion: Hashable, Sendable {
    package let major: Int
    package let minor: Int
    package let patch: Int

    package init(major: Int, minor: Int, patch: Int) {
        self.major = major
        self.minor = minor
        self.patch = patch
    }

    /// The release whose behaviour Byre reproduces.
    package static let current = ClaimedVersion(major: 3, minor: 7, patch: 1)

    /// As in `StatusResponse.version`.
    package var server: String { "\(self.major).\(self.minor).\(self.patch)" }

    /// The version of the cluster and of the storage, whose patch is always 0.
    package var cluster: String { "\(self.major).\(self.minor).0" }
}

extension ClaimedVersion: FlagValue {
    package static var placeholder: String { "VERSION" }

    package init(flagText: String) throws(FlagValueError) {
        let parts = flagText.split(separator: ".", omittingEmptySubsequences: false)
        let numbers = parts.compactMap { part in
            part.allSatisfy { $0.isASCII && $0.isNumber } ? Int(part) : nil
        }
        guard parts.count == 3, numbers.count == 3 else {
            throw FlagValueError("is not a version such as 3.7.1")
        }
        self.init(major: numbers[0], minor: numbers[1], patch: numbers[2])
    }

    package var flagText: String { self.server }
}
