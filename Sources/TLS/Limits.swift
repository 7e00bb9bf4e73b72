/// The bounds of this module, in one place.
package enum Limits {
    /// The largest plaintext of one TLS record: 2^14 bytes.
    ///
    /// Source: RFC 8446, section 5.1.
    package static let recordPlaintextBytesMax = 16_384

    /// The largest certificate, key, CA or revocation file that is read.
    ///
    /// A larger one is refused with a ``TLSError/file(_:path:problem:)``. Public CA bundles are
    /// about 200 KiB; revocation lists of busy CAs reach a few MiB.
    package static let fileBytesMax = 16 << 20

    /// The largest certificate chain a peer may send; more ends the handshake with an alert.
    ///
    /// Go's limit for one handshake message.
    package static let peerChainBytesMax = 64 << 10

    /// How much a server spends on telling clients which CAs it trusts.
    ///
    /// The list goes out with every handshake, the protocol ends at 64 KiB, and a server that
    /// houses many tenants may trust a CA for each. Above this bound the list is left empty,
    /// which means "any"; what is trusted does not change.
    package static let trustedNamesBytesMax = 8 << 10

    /// How often, at most, it is looked whether certificate files have changed.
    package static let reloadCheckInterval: Duration = .seconds(5)

    /// How long a file must have been left alone before its stamp is believed.
    ///
    /// Two writes within one tick of the kernel's clock (4 ms, more on network file systems)
    /// leave equal stamps; a file read that soon after a write is read again at the next check.
    package static let settledNanoseconds: Int64 = 2_000_000_000
}
