package import ByreCore
package import EtcdAPI

/// TxnResponse: header 1, succeeded 2, responses 3. ResponseOp: one of range 1, put 2, delete_range
/// 3, txn 4.
extension TxnResult: WireResponse {
    package func encodedLength(_ header: ResponseHeader) -> Int {
        var lengths = NestedLengths()
        return lengths.add(self, header)
    }

    package func encode(_ header: ResponseHeader, into writer: inout WireWriter) {
        var lengths = NestedLengths()
        _ = lengths.add(self, header)
        self.encode(header, &lengths, into: &writer)
    }

    /// Both of the above with one look at each length.
    package func encoded(_ header: ResponseHeader, reservingPrefix prefix: Int = 0) -> [UInt8] {
        var lengths = NestedLengths()
        let length = lengths.add(self, header)
        var writer = WireWriter(length: length, reservingPrefix: prefix)
        self.encode(header, &lengths, into: &writer)
        return writer.bytes
    }

    private func encode(
        _ header: ResponseHeader,
        _ lengths: inout NestedLengths,
        into writer: inout WireWriter
    ) {
        header.encode(into: &writer)
        writer.bool(self.succeeded, field: 2)
        for response in self.responses {
            let nested = ResponseHeader(nestedRevision: response.headerRevision)
            let length = response.leafLength(nested) ?? lengths.next()
            let number = response.fieldNumber
            writer.message(
                length: WireSize.message(length: length, field: number),
                field: 3
            )
            writer.message(length: length, field: number)
            switch response {
            case .range(let result): result.encode(nested, into: &writer)
            case .put(let result): result.encode(nested, into: &writer)
            case .deleteRange(let result): result.encode(nested, into: &writer)
            case .txn(let result): result.encode(nested, &lengths, into: &writer)
            }
        }
    }
}

extension ResponseOp {
    /// Number of the oneof's field.
    fileprivate var fieldNumber: Int {
        switch self {
        case .range: 1
        case .put: 2
        case .deleteRange: 3
        case .txn: 4
        }
    }

    /// Length of the response without its field; nil for a transaction's.
    fileprivate func leafLength(_ header: ResponseHeader) -> Int? {
        switch self {
        case .range(let result): result.encodedLength(header)
        case .put(let result): result.encodedLength(header)
        case .deleteRange(let result): result.encodedLength(header)
        case .txn: nil
        }
    }

    fileprivate var headerRevision: Int64 {
        switch self {
        case .range(let result): result.headerRevision
        case .put(let result): result.headerRevision
        case .deleteRange(let result): result.headerRevision
        case .txn(let result): result.headerRevision
        }
    }
}

/// Lengths of the transactions among a transaction's responses, nested ones too, in the order in which
/// they are written.
///
/// Without it the length of a response would be computed again on each level above it. Those of other
/// responses are computed twice, which costs less than to keep them.
private struct NestedLengths {
    private var lengths: [Int] = []
    private var position = 0

    /// Notes the lengths of all transactions in `result`.
    /// - Returns: the length of `result` itself.
    mutating func add(_ result: TxnResult, _ header: ResponseHeader) -> Int {
        var total = header.encodedLength + WireSize.bool(result.succeeded, field: 2)
        for response in result.responses {
            let nested = ResponseHeader(nestedRevision: response.headerRevision)
            var length = response.leafLength(nested) ?? 0
            if case .txn(let result) = response {
                let place = self.lengths.count
                self.lengths.append(0)
                length = self.add(result, nested)
                self.lengths[place] = length
            }
            let field = WireSize.message(length: length, field: response.fieldNumber)
            total += WireSize.message(length: field, field: 3)
        }
        return total
    }

    mutating func next() -> Int {
        defer { self.position += 1 }
        return self.lengths[self.position]
    }
}
