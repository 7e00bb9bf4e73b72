/// Where the requests of a load come from. One for each worker, on its thread.
package protocol Source: AnyObject {
    /// Puts the next request of a lane into `call`, whose `intended` time is set.
    /// - Returns: false when the lane has nothing more to ask for.
    func prepare(_ call: Call) -> Bool
    /// A message of the answer came; its bytes are valid in the call only.
    func received(_ message: UnsafeRawBufferPointer, _ call: Call)
    /// What came of a call that ended with status 0.
    func outcome(of call: Call) -> Recorder.Outcome
    /// Keys or other things the answer held.
    func items(of call: Call) -> Int
}

extension Source {
    package func received(_ message: UnsafeRawBufferPointer, _ call: Call) {}
    package func outcome(of call: Call) -> Recorder.Outcome { .succeeded }
    package func items(of call: Call) -> Int { 0 }
}
