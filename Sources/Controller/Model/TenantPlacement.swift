package import ByreCore

/// Where a tenant's rows are: beside other tenants' in the store, or in a store of their own.
package typealias TenantPlacement = TenantDefinition.Isolation
