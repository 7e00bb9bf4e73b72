import Glibc

/// Stops the calling thread for a while.
func pause(milliseconds: Int) {
    // A signal may end it early, which does no harm.
    poll(nil, 0, Int32(clamping: milliseconds))
}
