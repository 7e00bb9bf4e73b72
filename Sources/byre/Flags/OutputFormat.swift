/// How a command for administrators shows what it found.
package enum OutputFormat: String, FlagChoice {
    /// For people.
    case table
    /// For programs.
    case json
}
