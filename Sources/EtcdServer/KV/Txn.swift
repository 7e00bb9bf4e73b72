import ByreCore
import EtcdAPI
import Engine
import GRPC

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
        let txn = wire.txn
        let validate = { @Sendable () throws(EtcdError) in
            try RequestValidation.check(wire, opsMax: self.settings.maxTxnOps)
        }
        let tenant = self.tenant(of: call)
        guard !txn.isReadOnly else {
            do throws(EtcdError) {
                try validate()
            } catch {
                call.fail(Status(error))
                return
            }
            self.read(txn, tenant, call)
            return
        }
        self.submit(
            .txn(txn),
            messageBytes: message.byteCount,
            of: call
        ) {
            () throws(EtcdError) in
            try validate()
        } answer: { outcome in
            guard case .txn(let result) = outcome else {
                preconditionFailure("a transaction was sent")
            }
            return self.framed(result, tenant, at: result.headerRevision)
        }
    }

    /// Answers a transaction that changes nothing: here if the values are in memory, else on a reader
    /// thread.
    private func read(_ txn: Txn, _ tenant: TenantStore, _ call: ServerCall) {
        do throws(RequestError) {
            let result = try tenant.snapshot.state.read(
                txn,
                loader: CacheLoader(cache: self.store.cache)
            )
            call.reply(self.framed(result, tenant, at: result.headerRevision))
        } catch .backend {
            let bound = LoopBound(call, loop: call.loop)
            let isQueued = self.store.readers.submit { opened in
                let result = self.read(txn, tenant, opened)
                bound.loop.execute {
                    switch result {
                    case .success(let result):
                        bound.value.reply(self.framed(result, tenant, at: result.headerRevision))
                    case .failure(let error): bound.value.fail(Status(error))
                    }
                }
            }
            if !isQueued { call.fail(Status(EtcdError.tooManyRequests)) }
        } catch {
            call.fail(Status(error))
        }
    }

    private func read(
        _ txn: Txn,
        _ tenant: TenantStore,
        _ opened: Result<any BackendReader, BackendError>
    ) -> Result<TxnResult, RequestError> {
        switch opened {
        case .failure(let error): return .failure(.backend(error))
        case .success(let reader):
            let pinned = tenant.pinnedSnapshot()
            defer { withExtendedLifetime(pinned) {} }
            do throws(RequestError) {
                return .success(
                    try pinned.state.read(
                        txn,
                        loader: ReaderLoader(reader: reader, cache: self.store.cache)
                    )
                )
            } catch {
                return .failure(error)
            }
        }
    }
}
