/// How a store numbers its rows. Numbers of one tenant's rows ascend in commit order either way.
package enum RowNumbering: Hashable, Sendable {
    /// One after the other over all tenants: the store has one writer.
    case store
    /// By tenant, from ``RowID/first(of:)`` on, without a gap: writers of different tenants need not
    /// agree on anything. The last number used is kept in ``TenantRecord/lastRow``.
    case tenant
}

extension RowID {
    /// Bits of a number that count within the tenant, with ``RowNumbering/tenant``.
    package static var tenantBits: Int64 { 40 }

    /// Number of a tenant's first row, with ``RowNumbering/tenant``.
    package static func first(of tenant: TenantID) -> RowID {
        RowID(rawValue: tenant.rawValue << self.tenantBits | 1)
    }

    /// The number after this one.
    package var next: RowID { RowID(rawValue: self.rawValue + 1) }
}

extension TenantState {
    /// Number of the tenant's next row, with ``RowNumbering/tenant``.
    package var nextRow: RowID { self.record.nextRow }

    /// All row numbers that the tenant has used, with ``RowNumbering/tenant``; nil when there are none.
    package var usedRows: ClosedRange<RowID>? {
        self.lastRow.rawValue == 0 ? nil : RowID.first(of: self.id)...self.lastRow
    }
}

extension TenantRecord {
    /// Number of the tenant's next row, with ``RowNumbering/tenant``.
    package var nextRow: RowID {
        self.lastRow.rawValue == 0 ? .first(of: self.id) : self.lastRow.next
    }
}
