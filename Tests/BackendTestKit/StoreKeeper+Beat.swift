package import ByreCore

extension StoreKeeper {
    /// The beat of an instance that reads nothing that is compacted.
    package func beat(_ me: InstanceRecord) throws(BackendError) -> Beat {
        try self.beat(me, readingFor: nil)
    }
}
