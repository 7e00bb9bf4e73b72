/// Why the server cannot start, in one line for the person who started it.
package struct StartError: Error, Equatable {
    package let message: String

    package init(_ message: String) {
        self.message = message
    }
}
