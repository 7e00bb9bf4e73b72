/// What the flags of `byre verify` say.
package struct VerifyOptions: FlagOptions {
    package var dataDirectory: String?
    package var store: StoreURL?

    package init() {}

    /// The flags of the command.
    package static let table = FlagTable<VerifyOptions>([
        .init(
            "Store",
            [
                Flag(
                    "data-dir",
                    \.dataDirectory,
                    placeholder: "DIR",
                    "Directory whose file byre.db is checked."
                ),
                Flag(
                    "store",
                    \.store,
                    origin: .byre,
                    """
                    Database to check, as sqlite:///var/lib/byre/byre.db or \
                    postgresql://user@host/database?schema=byre.
                    """
                ),
            ]
        )
    ])

    /// The store that the flags name.
    package func checkedStore() throws(UsageError) -> StoreURL {
        switch (self.store, self.dataDirectory) {
        case (let store?, _): return store
        case (nil, let directory?): return .sqlite(path: directory + "/byre.db")
        case (nil, nil): throw UsageError("name a store with --data-dir or --store")
        }
    }
}
