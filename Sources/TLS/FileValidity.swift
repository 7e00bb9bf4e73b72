/// How long the certificates of one file are valid.
package struct FileValidity: Hashable, Sendable {
    package let role: FileRole
    package let path: String
    /// The last second at which all certificates of the file are valid, since 1970.
    package let endSeconds: Int64

    package init(role: FileRole, path: String, endSeconds: Int64) {
        self.role = role
        self.path = path
        self.endSeconds = endSeconds
    }
}
