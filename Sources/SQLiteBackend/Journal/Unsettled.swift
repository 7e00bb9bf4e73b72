import ByreCore
import Synchronization

/// A batch and its number in the journal.
struct NumberedBatch: Sendable {
    let number: Int64
    let batch: CommitBatch
    /// Its size in the journal.
    let bytes: Int
}

/// The batches that are in the journal and not yet in SQLite: the writer thread adds and takes away,
/// readers look into them for rows that SQLite has not.
///
/// Bounded: the writer settles at ``SQLiteLimits/settleBytes``, and commits nothing while it cannot.
final class Unsettled: Sendable {
    // Protects a list that is short, and copied rather than worked on inside.
    private let list = Mutex<[NumberedBatch]>([])

    /// The batches, oldest first.
    ///
    /// A row that is in none of them when they are taken is in SQLite from then on, or nowhere.
    var batches: [NumberedBatch] { self.list.withLock { $0 } }

    func append(_ batch: NumberedBatch) {
        self.list.withLock { $0.append(batch) }
    }

    /// Forgets those that readers find in SQLite by now.
    func removeAll(through number: Int64) {
        let gone = self.list.withLock { list in
            let count = list.firstIndex { $0.number > number } ?? list.count
            let gone = Array(list.prefix(count))
            list.removeFirst(count)
            return gone
        }
        // Released outside the lock.
        withExtendedLifetime(gone) {}
    }
}

extension [NumberedBatch] {
    /// The first row of any of them.
    var firstRow: RowID? {
        for numbered in self {
            if let row = numbered.batch.rows.first { return row.version.row }
        }
        return nil
    }

    /// The row `row` of `tenant`.
    /// - Complexity: O(batches + log rows).
    func row(_ row: RowID, of tenant: TenantID) -> CommitBatch.Row? {
        for numbered in self {
            let rows = numbered.batch.rows
            guard let last = rows.last, last.version.row >= row else { continue }
            var low = 0
            var high = rows.count - 1
            while low < high {
                let middle = (low + high) / 2
                if rows[middle].version.row < row { low = middle + 1 } else { high = middle }
            }
            let found = rows[low]
            return found.version.row == row && found.tenant == tenant ? found : nil
        }
        return nil
    }
}
