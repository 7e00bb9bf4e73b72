import ByreCore
import EtcdAPI
import Engine
import GRPC
import Tenancy

extension EtcdServer {
    /// `KV/Txn`: decides some comparisons and runs one of two lists of operations, as one change.
    func txn(_ message: RawSpan, _ call: ServerCall) {
        let wire: WireTxn
        do throws(WireError) {
            wire = try WireTxn(decoding: message)
        } catch {
            call.fail(Status(error))
            return
        }
        guard !wire.txn.isReadOnly else {
            return self.read(wire, messageBytes: message.byteCount, call)
        }
        self.submit(.txn(wire.txn), messageBytes: message.byteCount, of: call) {
            () throws(EtcdError) in
            try RequestValidation.check(wire, opsMax: self.settings.maxTxnOps)
        } answer: { server, tenant, outcome in
            guard case .txn(let result) = outcome else {
                preconditionFailure("a transaction was sent")
            }
            return server.framed(result, tenant, at: result.headerRevision)
        }
    }

    /// Answers a transaction that changes nothing.
    private func read(_ wire: WireTxn, messageBytes: Int, _ call: ServerCall) {
        do throws(EtcdError) {
            try RequestValidation.check(wire, opsMax: self.settings.maxTxnOps)
        } catch {
            call.fail(Status(error))
            return
        }
        let txn = wire.txn
        let tenant = self.tenant(of: call)
        self.pace(txn.readCount, of: .reads, holding: messageBytes, tenant, call) {
            let read = {
                self.read(txn, tenant, call) { self.framed($0, tenant, at: $0.headerRevision) }
            }
            guard self.isShared, !txn.isSerializable else { return read() }
            self.whenCurrent(tenant, call, read)
        }
    }

    /// Answers a transaction that changes nothing: here if the values are in memory, else on a reader
    /// thread.
    /// - Parameter answer: encodes the result.
    func read(
        _ txn: Txn,
        _ tenant: TenantStore,
        _ call: ServerCall,
        answer: @escaping @Sendable (TxnResult) -> FramedMessage
    ) {
        let cache = self.store.cache
        do throws(RequestError) {
            let result = try Self.read(txn, tenant.snapshot.state, CacheLoader(cache: cache))
            self.reply(answer(result), tenant, to: call)
            return
        } catch .backend {
            // Some value is not in memory.
        } catch {
            call.fail(Status(error))
            return
        }
        self.onReader(call, tenant) { reader throws(RequestError) in
            let pinned = tenant.pinnedSnapshot()
            defer { withExtendedLifetime(pinned) {} }
            let loader = ReaderLoader(reader: reader, cache: cache)
            return answer(try Self.read(txn, pinned.state, loader))
        }
    }

    /// - Throws: ``RequestError/backend(_:)`` when a value that is wanted cannot be loaded.
    private static func read(
        _ txn: Txn,
        _ state: TenantState,
        _ loader: some ValueLoader
    ) throws(RequestError) -> TxnResult {
        var result = try state.read(txn, loader: loader)
        var failure: BackendError?
        _ = result.fill { version in
            do throws(BackendError) {
                return try loader.value(of: state.id, row: version.row)
            } catch {
                failure = error
                return nil
            }
        }
        if let failure { throw .backend(failure) }
        return result
    }
}
